"""Keys, and what is made with them: RSA and Ed25519 by OpenSSL, signatures and seals by dkimpy, odd signatures by hand."""
import base64
import hashlib
import subprocess
from pathlib import Path
from typing import Mapping

import dkim
import nacl.signing
from dkim.canonicalization import CanonicalizationPolicy

ALGORITHMS = {"rsa": "rsa-sha256", "ed": "ed25519-sha256"}
STRING_MAX = 250  # bytes of one string of a TXT record that zone() writes

# RFC 6376 §5.4.1, as far as our messages have them.
FIELDS = ("from", "to", "subject", "date", "message-id", "reply-to", "cc", "references", "mime-version", "content-type",
          "content-transfer-encoding", "x-empty", "x-blank")


def txt_record(name: str, text: str, ttl: int = 300) -> str:
    """A line of a zone file."""
    strings = " ".join(f'"{text[i:i + STRING_MAX]}"' for i in range(0, len(text), STRING_MAX)) or '""'
    return f"{name} {ttl} TXT {strings}\n"


class Keys:
    """One pair a kind, for `domain` under the selectors rsa and ed."""

    def __init__(self, folder: Path, domain: str):
        folder.mkdir(parents=True, exist_ok=True)
        self.domain = domain
        self.files: dict[str, Path] = {}
        self.public: dict[str, str] = {}  # the text of the record
        self.records: dict[str, str] = {}
        for selector, options in (("rsa", ["RSA", "-pkeyopt", "rsa_keygen_bits:2048"]), ("ed", ["ED25519"])):
            path = folder / f"{selector}.pem"
            subprocess.run(["openssl", "genpkey", "-algorithm", *options, "-out", path], check=True, capture_output=True)
            path.chmod(0o600)
            self.files[selector] = path
            der = subprocess.run(["openssl", "pkey", "-in", path, "-pubout", "-outform", "DER"], check=True,
                                 capture_output=True).stdout
            public = base64.b64encode(der[-32:] if selector == "ed" else der).decode()
            kind = "ed25519" if selector == "ed" else "rsa"
            self.public[selector] = f"v=DKIM1; k={kind}; p={public}"
            self.publish(domain, selector)
        self._pem = self.files["rsa"].read_bytes()
        # The seed is the end of the PKCS#8 (RFC 8410 §7).
        self._seed = base64.b64decode("".join(self.files["ed"].read_text().splitlines()[1:-1]))[-32:]

    def publish(self, domain: str, *selectors: str) -> str:
        """For another domain, too. The zone's lines."""
        names = {f"{s}._domainkey.{domain}.": self.public[s] for s in selectors or self.files}
        self.records.update(names)
        return "".join(txt_record(name, text) for name, text in names.items())

    def txt(self, name: bytes, timeout: int = 5) -> bytes | None:
        """What dkimpy asks instead of the DNS."""
        found = self.records.get(name.decode().rstrip(".") + ".")
        return found.encode() if found else None

    def zone(self) -> str:
        return "".join(txt_record(name, text) for name, text in self.records.items())

    def table(self, *more: str) -> str:
        """Of [sign] keytable."""
        return "".join(f"{self.domain} {s} {path}\n" for s, path in self.files.items()) + "".join(f"{m}\n" for m in more)

    # By dkimpy

    def sign(self, content: bytes, selector: str, canon: str = "relaxed/relaxed", domain: str | None = None) -> bytes:
        """The message with its signature on top. Oversigns From."""
        there = {line.split(b":")[0].lower().decode() for line in content.partition(b"\r\n\r\n")[0].split(b"\r\n")}
        names = [name.encode() for name in FIELDS if name in there] + [b"from"]
        key = self._pem if selector == "rsa" else base64.b64encode(self._seed)
        return dkim.sign(content, selector.encode(), (domain or self.domain).encode(), key, include_headers=names,
                         canonicalize=tuple(c.encode() for c in canon.split("/")),
                         signature_algorithm=ALGORITHMS[selector].encode()) + content

    def seal(self, content: bytes, results: str, domain: str | None = None) -> bytes:
        """The message with an ARC set that says so; `results` begin with the name of the sealer, as its field does."""
        content = f"Authentication-Results: {results}\r\n".encode() + content
        name = results.partition(";")[0].encode()
        return b"".join(dkim.arc_sign(content, b"rsa", (domain or self.domain).encode(), self._pem, name)) + content

    # By hand

    def sign_oddly(self, content: bytes, tags: Mapping[str, str | None], names: str = "from:subject") -> bytes:
        """An Ed25519 signature with these tags instead of the usual ones, right or wrong (None: left out); bh= and b= fit them, so that
        nothing else is wrong with it."""
        header, body = dkim.rfc822_parse(content)
        canon = CanonicalizationPolicy.from_c_value(b"relaxed/relaxed")
        body = canon.canonicalize_body(body)
        limit = tags.get("l") or ""
        digest = hashlib.sha256(body[:int(limit)] if limit.isdigit() else body).digest()
        usual = {"v": "1", "a": ALGORITHMS["ed"], "c": "relaxed/relaxed", "d": self.domain, "s": "ed", "h": names,
                 "bh": base64.b64encode(digest).decode()}
        value = "; ".join(f"{name}={text}" for name, text in {**usual, **tags}.items() if text is not None) + "; b="
        raw = value.encode(errors="surrogateescape")
        signed = dkim.select_headers(header, [name.strip().lower().encode() for name in names.split(":")])
        hashed = b"".join(name + b":" + text for name, text in canon.canonicalize_headers(
            [*signed, (b"DKIM-Signature", b" " + raw + b"\r\n")])).removesuffix(b"\r\n")
        b = nacl.signing.SigningKey(self._seed).sign(hashlib.sha256(hashed).digest()).signature
        return b"DKIM-Signature: " + raw + base64.b64encode(b) + b"\r\n" + content
