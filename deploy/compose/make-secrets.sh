#!/bin/sh
# Makes the secrets that docker-compose.yml mounts; what is there already stays as it is.
set -eu
cd "$(dirname "$0")"
# Only its owner may look into the folder. The files are readable inside it, because each container
# is shown single files and reads them as a user of its own.
umask 022
mkdir -p secrets
chmod 700 secrets

random() {
    od -An -N"$1" -tx1 /dev/urandom | tr -d ' \n'
}

keep() {
    if [ -e "secrets/$1" ]; then
        echo "kept: secrets/$1"
    else
        cat > "secrets/$1.new"
        mv "secrets/$1.new" "secrets/$1"
        echo "made: secrets/$1"
    fi
}

random 24 | keep postgres_password
random 24 | keep oms_password
random 24 | keep temporal_password
printf 'postgresql+psycopg://oms:%s@postgres:5432/oms' "$(cat secrets/oms_password)" | keep database_url
printf 'first:%s' "$(head -c 32 /dev/urandom | base64)" | keep secrets_keys
random 32 | keep order_link_secrets
