"""Says which parts a stack has, how each is started, and in what order they stand on each other."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from workers.environ import machine_environment
from workers.errors import UserError
from workers.local.datafolder import DataFolder
from workers.local.environment import Addresses, Outside, compose, with_own_ports
from workers.local.parts import Part, PythonPart, announces, answers_http, greets
from workers.local.ports import LOOPBACK, PortBook, read_ports
from workers.local.postgres import PostgresServer
from workers.local.supervisor import LAST_BACKOFF_S
from workers.local.temporal import TemporalServer

SERVICES = ("postgres", "temporal", "sandbox", "mail")
TASKS = ("migrate", "schedules")
PRODUCT = ("api", "worker")
ALL_PARTS = frozenset({*SERVICES, *TASKS, *PRODUCT})

API_READY_PATH = "/ready"
SANDBOX_READY_PATH = "/_/health"
_NO_REPORT: Callable[[str], None] = lambda _line: None  # noqa: E731


@dataclass(frozen=True)
class Plan:
    """What a person may choose about a stack.

    `parts` says what shall run; what the settings in `outside` point to elsewhere never does.
    Asked ports must be free; preferred ones are taken when they are.
    """

    time_factor: float = 1.0
    parts: frozenset[str] = ALL_PARTS
    workers: int = 1
    # The module run as a worker, and its words; the fault harness has one of its own.
    worker: Sequence[str] = ("workers", "worker")
    last_backoff_s: float = LAST_BACKOFF_S
    # Beside what every cluster is started with; a benchmark counts statements.
    postgres_settings: Mapping[str, str] = field(default_factory=dict)
    asked_ports: Mapping[str, int] = field(default_factory=dict)
    preferred_ports: Mapping[str, int] = field(default_factory=dict)
    outside: Mapping[str, str] = field(default_factory=dict)
    report: Callable[[str], None] = _NO_REPORT


class Blueprint:
    """The parts of one folder, with their ports and settings filled in."""

    def __init__(self, folder: DataFolder, plan: Plan) -> None:
        self.folder = folder
        self.plan = plan
        self.outside = Outside(plan.outside)
        self.names = plan.parts - self.outside.replaces()
        self.ports: dict[str, int] = {}
        self.postgres: PostgresServer | None = None
        self.temporal: TemporalServer | None = None

    def draw(self) -> None:
        """Choose all ports, once nobody of an earlier run holds them any more."""
        self._refuse_twice()
        self._refuse_itself()
        book = PortBook(self.folder.ports_file)
        wanted = {"api": "api", "sandbox": "sandbox", "mail": "mail", "postgres": "postgres"}
        wanted |= {"temporal": "temporal", "ui": "temporal"}
        for name, part in wanted.items():
            if part in self.names or name == "api":
                self.ports[name] = book.choose(
                    name,
                    asked=self.plan.asked_ports.get(name),
                    preferred=self.plan.preferred_ports.get(name),
                )
        if "postgres" in self.names:
            self.postgres = PostgresServer(
                self.folder.path,
                port=self.ports["postgres"],
                more_settings=self.plan.postgres_settings,
            )
        if "temporal" in self.names:
            self.temporal = TemporalServer(
                self.folder.path, port=self.ports["temporal"], ui_port=self.ports["ui"]
            )

    def _refuse_twice(self) -> None:
        asked = Counter(self.plan.asked_ports.values())
        for port in (port for port, times in asked.items() if times > 1):
            raise UserError(f"port {port} was asked for twice")

    def _refuse_itself(self) -> None:
        """With its own settings in the shell it would look for servers that it does not start."""
        own = read_ports(self.folder.ports_file).get("postgres")
        given = self.plan.outside.get("OMS_DATABASE_URL", "")
        if own is not None and f"@{LOOPBACK}:{own}/" in given:
            raise UserError(
                "OMS_DATABASE_URL is the address of this very stack, from its settings.sh;"
                " start it in a shell without that"
            )

    def url(self, part: str) -> str:
        return f"http://{LOOPBACK}:{self.ports[part]}"

    def environment(self) -> dict[str, str]:
        """Complete once PostgreSQL has started, for its password belongs to it."""
        at = Addresses(
            api_port=self.ports["api"],
            database_url=None if self.postgres is None else self.postgres.url,
            temporal=None if self.temporal is None else self.temporal.address,
            sandbox_url=self.url("sandbox") if "sandbox" in self.names else None,
            smtp_port=self.ports.get("mail"),
        )
        return compose(
            at,
            outside=self.outside,
            webhook_secrets=self.folder.webhook_secrets(),
            link_secret=self.folder.link_secret(),
            time_factor=self.plan.time_factor,
        )

    def services(self) -> list[Part]:
        """What the product stands on; none of them needs another."""
        found: list[Part] = [part for part in (self.postgres, self.temporal) if part is not None]
        if "sandbox" in self.names:
            found.append(self._sandbox())
        if "mail" in self.names:
            found.append(self._mail())
        return found

    def _sandbox(self) -> PythonPart:
        words = ["sandbox", "--port", str(self.ports["sandbox"])]
        words += ["--data-dir", str(self.folder.sandbox_dir), "--api-url", self.url("api")]
        words += ["--time-factor", str(self.plan.time_factor)]
        # Not among the words: every user of the machine can read those.
        secrets = {
            f"SANDBOX_{vendor.upper()}_WEBHOOK": secret
            for vendor, secret in self.folder.webhook_secrets().items()
        }
        ready = answers_http(self.ports["sandbox"], SANDBOX_READY_PATH)
        env = machine_environment() | secrets
        return PythonPart("sandbox", words, env, self.folder.path, ready)

    def _mail(self) -> PythonPart:
        port = self.ports["mail"]
        words = ["workers.local.mail", "--port", str(port), "--dir", str(self.folder.mail_dir)]
        return PythonPart("mail", words, machine_environment(), self.folder.path, greets(port))

    def product(self, env: Mapping[str, str]) -> list[PythonPart]:
        """The processes that serve orders."""
        data_dir = self.folder.path
        found: list[PythonPart] = []
        if "api" in self.names:
            ready = answers_http(self.ports["api"], API_READY_PATH)
            api_env = with_own_ports(env, 0)
            found.append(PythonPart("api", ["workers", "api"], api_env, data_dir, ready))
        if "worker" in self.names:
            for number in range(1, self.plan.workers + 1):
                name = f"worker-{number}"
                ready = announces(data_dir, name)
                own_env = with_own_ports(env, number)
                found.append(PythonPart(name, self.plan.worker, own_env, data_dir, ready))
        return found

    def task(self, name: str, words: list[str], env: Mapping[str, str]) -> PythonPart:
        """A command that runs to its end, such as migrations."""
        data_dir = self.folder.path
        return PythonPart(name, ["workers", *words], env, data_dir, announces(data_dir, name))
