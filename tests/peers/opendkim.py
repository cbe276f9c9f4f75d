"""OpenDKIM's daemon on a socket of its own, spoken to as an MTA does: one process that verifies, one for each way to sign."""
import re
from pathlib import Path

from .common import DOMAIN, NAMES, Postern, installed, without_lone_cr
from .milter import Connection

from harness.filter import answers
from harness.process import Process

AUTHSERV_ID = "opendkim.example.net"
COMMON = """Socket local:{folder}/{name}.sock
Background no
Syslog no
RequireSafeKeys no
InternalHosts {internal}
TemporaryDirectory {folder}
"""
# MinimumKeyBits: what Postern takes, too. Keys come from a file: no resolver is asked.
VERIFY = COMMON + """Mode v
TestDNSData file:{folder}/keys
AuthservID {authserv}
AlwaysAddARHeader yes
MinimumKeyBits 1024
"""
SIGN = COMMON + """Mode s
Domain {domain}
Selector {selector}
KeyFile {key}
Canonicalization {canon}
SignatureAlgorithm {algorithm}
SignHeaders {names}
"""
ALGORITHMS = {"rsa": "rsa-sha256", "ed": "ed25519-sha256"}


class OpenDkim:
    name = "opendkim"

    def __init__(self, postern: Postern, folder: Path):
        self.postern, self.folder = postern, folder
        folder.mkdir()
        self.signers: dict[str, Connection] = {}
        self.processes: list[Process] = []
        (folder / "keys").write_bytes(b"".join(name.rstrip(b".") + b" " + text + b"\n" for name, text in postern.records.items()))
        self.verifier = self.start("verify", VERIFY, internal="192.0.2.99", authserv=AUTHSERV_ID)

    @staticmethod
    def missing() -> str | None:
        return None if installed("opendkim") else "opendkim is not installed"

    def start(self, name: str, template: str, **values: str) -> Connection:
        socket = self.folder / f"{name}.sock"
        config = self.folder / f"{name}.conf"
        config.write_text(template.format(name=name, folder=self.folder, **values))
        process = Process([installed("opendkim"), "-f", "-x", config], self.folder / f"{name}.log")
        self.processes.append(process)
        process.wait_ready(lambda: answers(socket))
        return Connection(str(socket))

    @staticmethod
    def fit(message: bytes) -> bytes:
        """It makes line ends of CRs; and it cannot do without a line end at the end (RFC 6376 §3.4.3, §3.4.4: one is added), but
        SMTP always has one."""
        message = without_lone_cr(message)
        return message if message.endswith(b"\r\n") else message + b"\r\n"

    def can_sign(self, selector: str, canon: str) -> bool:
        """With Ed25519 and simple headers it makes signatures that it does not verify itself."""
        return selector == "rsa" or canon.startswith("relaxed/")

    def sign(self, message: bytes, selector: str, canon: str) -> bytes:
        name = f"{selector}-{canon.replace('/', '-')}"
        if name not in self.signers:
            self.signers[name] = self.start(name, SIGN, internal="192.0.2.0/24", domain=DOMAIN, selector=selector, canon=canon,
                                            key=str(self.postern.key(selector)), algorithm=ALGORITHMS[selector],
                                            names=",".join(NAMES))
        answer = self.signers[name].message(message, f"author@{DOMAIN}", "friend@example.net")
        return b"".join(answer.inserted) + message

    def results(self, message: bytes) -> str:
        """The value of its Authentication-Results."""
        answer = self.verifier.message(message, f"author@{DOMAIN}", "friend@example.net")
        values = answer.values("Authentication-Results")
        return values[0].decode() if values else f"none, but {answer.action}"

    def verify(self, message: bytes) -> str:
        results = self.results(message)
        found = re.search(r"dkim=(\w+)", results)
        return found[1] if found else results

    def stop(self) -> None:
        for process in self.processes:
            process.kill()
