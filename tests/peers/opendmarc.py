"""OpenDMARC's daemon on a socket of its own. It believes our Authentication-Results, and asks port 53 of whom /etc/resolv.conf names:
it runs in a private network only (harness.net)."""
from pathlib import Path

from .common import DOMAIN, RECEIVER, Postern, installed
from .milter import Connection

from harness import net
from harness.filter import answers
from harness.names import NameServer
from harness.process import Process

CONFIG = """Socket local:{folder}/sock
AuthservID opendmarc.example.net
TrustedAuthservIDs {trusted}
SPFIgnoreResults false
SPFSelfValidate false
Syslog false
"""


class OpenDmarc:
    name = "opendmarc"

    def __init__(self, postern: Postern, folder: Path):
        folder.mkdir()
        (folder / "names").mkdir()
        self.names = NameServer(folder / "names", [postern.zone])
        (folder / "conf").write_text(CONFIG.format(folder=folder, trusted=RECEIVER))
        self.process = Process([installed("opendmarc"), "-f", "-c", folder / "conf"], folder / "log")
        self.process.wait_ready(lambda: answers(folder / "sock"))
        self.connection = Connection(str(folder / "sock"))

    @staticmethod
    def missing() -> str | None:
        if not installed("opendmarc"):
            return "opendmarc is not installed"
        return None if net.inside() else "there is no private network here"

    @staticmethod
    def fit(message: bytes) -> bytes:
        return message

    def results(self, message: bytes) -> str:
        """The value of its Authentication-Results."""
        answer = self.connection.message(message, f"bounce@{DOMAIN}", "friend@example.net", i="1A2B3C")
        values = answer.values("Authentication-Results")
        return values[0].decode() if values else f"none, but {answer.action}"

    def stop(self) -> None:
        self.process.kill()
        self.names.stop()
