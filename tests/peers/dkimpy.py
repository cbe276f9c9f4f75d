"""dkimpy, in this process."""
import re
from pathlib import Path

try:
    import authres  # noqa: F401  (dkimpy needs it for ARC)
    import dkim
    import nacl  # noqa: F401  (and this for Ed25519)
except ImportError as error:
    MISSING = str(error)
else:
    MISSING = None

from .common import DOMAIN, NAMES, Postern


class Dkimpy:
    name = "dkimpy"

    def __init__(self, postern: Postern, folder: Path):
        self.postern, self.pem = postern, postern.key("rsa").read_bytes()

    @staticmethod
    def missing() -> str | None:
        return MISSING

    @staticmethod
    def fit(message: bytes) -> bytes:
        return message

    def can_sign(self, selector: str, canon: str) -> bool:
        return True

    def sign(self, message: bytes, selector: str, canon: str) -> bytes:
        field = dkim.sign(message, selector.encode(), DOMAIN.encode(), self.pem if selector == "rsa" else self.postern.seed,
                          canonicalize=tuple(c.encode() for c in canon.split("/")),
                          signature_algorithm=b"rsa-sha256" if selector == "rsa" else b"ed25519-sha256",
                          include_headers=[name.lower().encode() for name in NAMES])
        return field + message

    def verify(self, message: bytes) -> str:
        return "pass" if dkim.verify(message, dnsfunc=self.postern.dns) else "fail"

    def can_seal(self, hop: int) -> bool:
        return True

    def seal(self, message: bytes, text: str, canon: str) -> bytes:
        name = text.split(";")[0].encode()
        return b"".join(dkim.arc_sign(message, b"rsa", DOMAIN.encode(), self.pem, name)) + message

    def results(self, message: bytes) -> str:
        """Its ARC-Authentication-Results, behind the i=."""
        text = f"mx.example.net; dkim={self.verify(message)} header.d={DOMAIN}; spf=pass smtp.mailfrom=author@{DOMAIN}"
        sealed = self.seal(f"Authentication-Results: {text}\r\n".encode() + message, text, "")
        value = re.search(rb"^ARC-Authentication-Results:(.*?)\r\n(?![ \t])", sealed, re.M | re.S)[1].decode()
        return value.partition(";")[2].strip()

    def chain(self, message: bytes) -> str:
        return dkim.arc_verify(message, dnsfunc=self.postern.dns)[0].decode()

    def stop(self) -> None:
        pass
