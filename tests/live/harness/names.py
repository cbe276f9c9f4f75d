"""The Internet's names: the name server of tests/fakes with zones that a test can change."""
import signal
from pathlib import Path

from . import net
from .process import Process

PROGRAM = Path(__file__).resolve().parents[2] / "fakes" / "dns.py"


class NameServer:
    """Port 53 inside the private Internet, any free one outside."""

    def __init__(self, folder: Path, zones: list[Path]):
        self.folder = folder
        self.extra = folder / "extra.zone"
        self.extra.write_text("")
        self._ready = folder / "ready"
        self._asked = folder / "asked"
        self._control = folder / "control"
        self._ready.unlink(missing_ok=True)
        self.process = Process(["/usr/bin/python3", PROGRAM, "--port", "53" if net.inside() else "0",
                                "--address", net.DNS_ADDRESS, "--ready-file", self._ready, "--log", self._asked,
                                "--control", self._control, "--zone", *zones, self.extra], folder / "output")
        self.process.wait_ready(self._ready.exists)
        self.port = int(self._ready.read_text().split()[0])

    @property
    def server(self) -> str:
        """As [dns] servers wants it."""
        return f"{net.DNS_ADDRESS}@{self.port}"

    def add(self, zone: str) -> None:
        """More master-file lines, from now on; names that somebody has asked for already may be cached."""
        with open(self.extra, "a") as f:
            f.write(zone.rstrip("\n") + "\n")
        self.process.tell(signal.SIGHUP)

    def instead(self, zone: str) -> None:
        """These lines instead of all that were added."""
        self.extra.write_text("")
        self.add(zone)

    def misbehave(self, word: str) -> None:
        """All questions: TIMEOUT, SERVFAIL, …; "" ends it."""
        self._control.write_text(word)

    def questions(self) -> list[str]:
        """NAME TYPE udp|tcp, oldest first."""
        return self._asked.read_text().splitlines() if self._asked.exists() else []

    def stop(self) -> None:
        self.process.stop()
