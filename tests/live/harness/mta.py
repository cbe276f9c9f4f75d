"""What the tests want of a mail server, whichever it is: a throw-away instance in a folder of its own, wired to one milter
socket, that relays everything to the sink."""
import abc
import os
from pathlib import Path

from . import net
from .client import Client
from .process import Failed, Process, wait_until

PASSWORD = "open sesame"
MESSAGE_MAX = 64 << 20
OLD_HOME = "old@alias.example"
NEW_HOME = "joe@remote.example"
HEADERS_MAX = 64 << 20


class Mta(abc.ABC):
    """Mail to OLD_HOME goes on to NEW_HOME. With `maps`, the socket of our maps, these rewrite senders."""
    name: str
    # What one can do and the other cannot.
    smtputf8: bool
    ipv6: bool
    unknown: str | None = None  # a recipient that the MTA itself refuses

    def __init__(self, folder: Path, milter: Path, sink_port: int, port: int = 0, non_smtpd: bool = False,
                 maps: Path | None = None):
        self.folder = folder
        self.milter = milter
        self.sink_port = sink_port
        self.port = port or net.free_port()
        self.non_smtpd = non_smtpd
        self.maps = maps
        self.process: Process | None = None

    @classmethod
    @abc.abstractmethod
    def missing(cls) -> str | None:
        """Why it cannot run here; None when it can."""

    @abc.abstractmethod
    def _configure(self) -> None: ...

    @abc.abstractmethod
    def _command(self) -> list[str | Path]: ...

    @abc.abstractmethod
    def log(self) -> str: ...

    @abc.abstractmethod
    def queued(self) -> int:
        """Messages that are in the queue now."""

    @abc.abstractmethod
    def held(self) -> int:
        """Messages in its own quarantine."""

    @abc.abstractmethod
    def release(self) -> None:
        """All of them."""

    @abc.abstractmethod
    def _log_in(self, client: Client, helo: str, login: str) -> None: ...

    def start(self) -> "Mta":
        self.folder.mkdir(parents=True, exist_ok=True)
        self._configure()
        self._run()
        return self

    def again(self) -> None:
        """Anew, by what its files say now."""
        self.drain()
        self.process.stop()
        wait_until(lambda: not net.listening("127.0.0.1", self.port), 10, f"{self.name} has let go of its port")
        self._run()

    def _run(self) -> None:
        self.process = Process(self._command(), self.folder / "output")
        try:
            self.process.wait_ready(lambda: net.listening("127.0.0.1", self.port))
        except Failed as e:
            raise Failed(f"{e}\n{self.log()}") from None

    def stop(self) -> None:
        if self.process:
            self.process.stop()
            self.process = None

    def connect(self, ip: str = "127.0.0.1", timeout: float = 120) -> Client:
        """Up to the banner. Any address inside the private Internet; IPv6 goes to ::1."""
        host = "::1" if ":" in ip else "127.0.0.1"
        return Client(net.connect(host, self.port, ip if net.inside() else None, timeout))

    def session(self, ip: str = "127.0.0.1", helo: str = "client.example", login: str | None = None) -> Client:
        """Up to the EHLO, and logged in if `login` is given."""
        client = self.connect(ip)
        client.ehlo(helo)
        if login is not None:
            self._log_in(client, helo, login)
        return client

    def drain(self, timeout: float = 30) -> None:
        """Until nothing is queued: what has not reached the sink by then never will."""
        wait_until(lambda: self.queued() == 0, timeout, f"the queue of {self.name} is empty")


def count_files(folder: Path, prefix: str = "") -> int:
    """Files come and go while we look."""
    total = 0
    for _, _, files in os.walk(folder):
        total += sum(1 for f in files if f.startswith(prefix))
    return total
