#!/bin/sh
# PostgreSQL's image runs it once, on an empty volume: each of the two gets databases of its own.
set -eu
export FROM="${SECRETS_DIR:-/run/secrets}"

psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres <<'SQL'
\set oms `cat "$FROM/oms_password"`
\set temporal `cat "$FROM/temporal_password"`
CREATE ROLE oms LOGIN PASSWORD :'oms';
CREATE ROLE temporal LOGIN PASSWORD :'temporal';
CREATE DATABASE oms OWNER oms;
CREATE DATABASE temporal OWNER temporal;
CREATE DATABASE temporal_visibility OWNER temporal;
REVOKE CONNECT ON DATABASE oms, temporal, temporal_visibility FROM PUBLIC;
SQL
