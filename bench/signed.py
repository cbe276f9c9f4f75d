"""The corpus of the part senders: the letters of corpus.py from several domains, most of them signed (with dkimpy, which is nobody's
peer here), and the zone with their keys and policies. What SPF, DKIM and DMARC must say of each follows from how it was made."""
import base64
import random
import subprocess
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import dkim
from nacl.signing import SigningKey

import corpus

AUTHORS = [f"author{i}.example" for i in range(6)] + ["news.example.org", "author7.example"]
MAILERS = ["mailer.example", "bulk.example"]
POLICIES = ("v=DMARC1; p=reject", "v=DMARC1; p=none; rua=mailto:d@{domain}", "v=DMARC1; p=quarantine; adkim=s; pct=100", None)


@dataclass(frozen=True)
class Kind:
    """How a letter is signed: (whose key, its selector, header and body form) each; "author" stands for the domain in From."""
    count: int
    signatures: tuple = ()
    spoilt: str = ""  # "body": changed after signing


KINDS = (
    Kind(62, (("author", "rsa", "relaxed/relaxed"),)),
    Kind(8, (("author", "rsa", "relaxed/relaxed"), ("mailer.example", "rsa", "relaxed/relaxed"))),
    Kind(5, (("author", "rsa", "relaxed/relaxed"), ("author", "ed", "relaxed/relaxed"))),
    Kind(6, (("author", "rsa", "relaxed/simple"),)),
    Kind(3, (("author", "rsa", "simple/simple"),)),
    Kind(3, (("author", "short", "relaxed/relaxed"),)),
    Kind(2, (("bulk.example", "rsa", "relaxed/relaxed"),)),
    Kind(7),
    Kind(3, (("author", "rsa", "relaxed/relaxed"),), spoilt="body"),
    Kind(1, (("author", "gone", "relaxed/relaxed"),)),  # no such key in the DNS
)
# The envelope sender: how many, whose domain, what SPF says of it for 192.0.2.1.
SENDERS = ((80, "author", "pass"), (8, "bounces.bulk.example", "pass"), (6, "elsewhere.example", "softfail"), (6, "silent.example", "none"))


class Keys:
    """One of each selector for each domain, made now: it does not matter which."""

    def __init__(self) -> None:
        self.private: dict[tuple[str, str], bytes] = {}
        self.records: list[str] = []
        for domain in AUTHORS + MAILERS:
            self._rsa(domain, "rsa", 2048)
        for domain in AUTHORS:
            self._rsa(domain, "short", 1024)
            self._ed25519(domain, "ed")
            self.private[domain, "gone"] = self.private[domain, "rsa"]

    def _publish(self, domain: str, selector: str, text: str) -> None:
        strings = " ".join(f'"{text[i:i + 250]}"' for i in range(0, len(text), 250))
        self.records.append(f"{selector}._domainkey.{domain} TXT {strings}")

    def _rsa(self, domain: str, selector: str, bits: int) -> None:
        key = subprocess.run(["openssl", "genrsa", str(bits)], check=True, capture_output=True).stdout
        der = subprocess.run(["openssl", "rsa", "-pubout", "-outform", "DER"], input=key, check=True, capture_output=True).stdout
        self.private[domain, selector] = key
        self._publish(domain, selector, "v=DKIM1; k=rsa; p=" + base64.b64encode(der).decode())

    def _ed25519(self, domain: str, selector: str) -> None:
        key = SigningKey.generate()
        self.private[domain, selector] = base64.b64encode(bytes(key))
        self._publish(domain, selector, "v=DKIM1; k=ed25519; p=" + base64.b64encode(bytes(key.verify_key)).decode())


def policy(domain: str) -> str | None:
    return POLICIES[AUTHORS.index(domain) % len(POLICIES)]


def organization(domain: str) -> str:
    return ".".join(domain.split(".")[-2:])


def zone(keys: Keys) -> str:
    lines = list(keys.records)
    for domain in AUTHORS:
        lines.append(f'{domain} TXT "v=spf1 include:_spf.mailer.example -all"')
        if policy(domain):
            lines.append(f'_dmarc.{organization(domain)} TXT "{policy(domain).format(domain=domain)}"')
    return "$TTL 3600\n" + "\n".join(lines) + """
_spf.mailer.example TXT "v=spf1 ip4:198.51.100.0/24 ip4:192.0.2.0/24 -all"
bounces.bulk.example TXT "v=spf1 ip4:192.0.2.0/28 ~all"
elsewhere.example TXT "v=spf1 ip4:203.0.113.0/24 ~all"
silent.example A 192.0.2.77
"""


def sign(letter: bytes, author: str, kind: Kind, keys: Keys) -> bytes:
    for whose, selector, forms in kind.signatures:
        domain = author if whose == "author" else whose
        letter = dkim.sign(letter, selector.encode(), domain.encode(), keys.private[domain, selector],
                           canonicalize=tuple(f.encode() for f in forms.split("/")), include_headers=[
                               b"from", b"to", b"subject", b"date", b"message-id", b"mime-version", b"content-type"],
                           signature_algorithm=b"ed25519-sha256" if selector == "ed" else b"rsa-sha256") + letter
    if kind.spoilt == "body":
        letter += b"-- \r\nsent through a list\r\n"
    return letter


def verdicts(author: str, kind: Kind, sender: str, spf: str) -> Counter:
    """What a filter says of this letter, as Authentication-Results has it; "none" is not always said."""
    good = bool(kind.signatures) and not kind.spoilt and kind.signatures[0][1] != "gone"
    aligned = (good and kind.signatures[0][0] == "author") or (spf == "pass" and sender == author)
    return Counter({"dkim=pass": good, f"spf={spf}": spf != "none", f"dmarc={'pass' if aligned else 'fail'}": policy(author) is not None})


def spread(rng: random.Random, rows: list) -> list:
    rng.shuffle(rows)
    return rows


def write(folder: Path, keys: Keys) -> tuple[float, Counter]:
    """100 files with a Return-Path on top. Their mean size, and of how many of them each verdict is true."""
    rng = random.Random(15)  # with which DMARC fails for four letters
    letters = folder.parent / (folder.name + "-bare")
    corpus.write(letters)
    kinds = spread(rng, [kind for kind in KINDS for _ in range(kind.count)])
    senders = spread(rng, [row[1:] for row in SENDERS for _ in range(row[0])])
    folder.mkdir()
    total, expected = 0, Counter()
    for number, (path, kind, (sender, spf)) in enumerate(zip(sorted(letters.iterdir()), kinds, senders)):
        author = AUTHORS[number % len(AUTHORS)]
        sender = author if sender == "author" else sender
        letter = sign(path.read_bytes().replace(b"<a@example.com>", f"<a@{author}>".encode(), 1), author, kind, keys)
        (folder / path.name).write_bytes(f"Return-Path: <b@{sender}>\r\n".encode() + letter)
        expected += verdicts(author, kind, sender, spf)
        total += len(letter)
    return total / 100, expected
