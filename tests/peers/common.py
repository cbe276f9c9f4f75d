"""What the cross-checks with other people's programs share: Postern's commands, a zone with its keys, ugly messages, the count.

A peer has the same methods as Postern here, as far as it can: sign and seal give the whole message, verify and chain a word.
Also missing (why it cannot be asked, or None), can_sign, can_seal, stop; and fit: the message without what it cannot cope with.
"""
import base64
import json
import os
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests/live"))

SKIP = 77
DOMAIN = "example.com"
CLIENT, CLIENT_NAME = "192.0.2.1", "client.example.com"
RECEIVER = "mx.example.net"
CANONS = ("simple", "relaxed")
NAMES = ("From", "Subject", "To", "Date", "X-Odd", "X-Twice")


def installed(program: str) -> str | None:
    """Its path; a user's PATH often lacks the daemons' folder."""
    return shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin")


class Postern:
    name = "postern"

    def __init__(self, program: str, folder: Path):
        self.program, self.folder = program, folder
        self.zone, self.records = folder / "zone", {}
        lines = []
        for selector, kind in (("rsa", "rsa"), ("ed", "ed25519")):
            made = json.loads(self.run("dkim", "keygen", "--json", "--type", kind, "--bits", "1024", "-o", str(self.key(selector)),
                                       "-d", DOMAIN, "-s", selector)[1])
            lines.append(made["zone_line"])
            self.records[made["name"].encode() + b"."] = made["text"].encode()
        self.zone.write_text("\n".join(lines) + "\n")
        # The seed is the end of the PKCS#8 (RFC 8410 §7).
        pem = self.key("ed").read_text().split("\n")
        self.seed = base64.b64encode(base64.b64decode("".join(pem[1:-2]))[-32:])

    def key(self, selector: str) -> Path:
        return self.folder / f"{selector}.pem"

    def run(self, *arguments: str, message: bytes = b"") -> tuple[int, bytes]:
        done = subprocess.run([self.program, *arguments], input=message, capture_output=True)
        if done.stderr:
            raise SystemExit(f"{' '.join(arguments)}: {done.stderr.decode()}")
        return done.returncode, done.stdout

    def dns(self, name: bytes, timeout: int = 5) -> bytes | None:
        return self.records.get(name if name.endswith(b".") else name + b".")

    @staticmethod
    def fit(message: bytes) -> bytes:
        return message

    def sign(self, message: bytes, selector: str, canon: str, domain: str = DOMAIN) -> bytes:
        arguments = [x for name in NAMES for x in ("--field", name)]
        return self.run("dkim", "sign", "-k", str(self.key(selector)), "-d", domain, "-s", selector, "--canon", canon, "--message",
                        *arguments, message=message)[1]

    def verify(self, message: bytes) -> str:
        return json.loads(self.run("dkim", "verify", "--json", "--zone", str(self.zone), message=message)[1])["result"]

    def can_seal(self, hop: int) -> bool:
        return True

    def scan(self, message: bytes, config: Path, zone: Path, sender: str, helo: str, *options: str) -> bytes:
        """The whole pipeline; the output of `postern scan`."""
        return self.run("scan", "-c", str(config), "--zone", str(zone), "--ip", CLIENT, "--helo", helo, "--from", f"<{sender}>",
                        "--rcpt", "friend@example.net", "--receiver", RECEIVER, *options, "/proc/self/fd/0", message=message)[1]

    def seal(self, message: bytes, text: str, canon: str) -> bytes:
        return self.run("arc", "seal", "-k", str(self.key("rsa")), "-d", DOMAIN, "-s", "rsa", "--canon", canon, "--zone",
                        str(self.zone), "--authres", text, "--message", message=message)[1]

    def chain(self, message: bytes) -> str:
        return json.loads(self.run("arc", "verify", "--json", "--zone", str(self.zone), message=message)[1])["result"]


# dkimpy takes a lone LF for a line end and, at the end of a body without one, keeps the white space: not made here.
def words(pick: random.Random, blanks: str) -> bytes:
    pieces = []
    for _ in range(pick.randrange(1, 12)):
        word = bytes(pick.choice(b"abcXYZ019.;=:@<>\xc3\xa9\"()\\-") for _ in range(pick.choice((1, 3, 8, 200))))
        pieces.append(word + "".join(pick.choice(blanks) for _ in range(pick.choice((0, 1, 1, 2, 5)))).encode())
    return b"".join(pieces)


def header_value(pick: random.Random) -> bytes:
    lines = [words(pick, " \t") for _ in range(pick.choice((1, 1, 2, 4)))]
    if pick.random() < 0.15:
        lines[0] = b""
    folded = b"".join(pick.choice((b"\r\n ", b"\r\n\t", b"\r\n  \t ")) + line for line in lines[1:])
    return pick.choice((b"", b" ", b"  ", b"\t")) + lines[0] + folded + pick.choice((b"", b" ", b"\t "))


def random_message(pick: random.Random) -> bytes:
    fields = [b"From:" + pick.choice((b" ", b"")) + b"Author <author@example.com>\r\n"]
    for name in ("Subject", "To", "Date", "X-Twice", "X-Twice", "X-Odd", "X-Unsigned", "x-odd"):
        if pick.random() < 0.7:
            fields.append(name.encode() + b":" + header_value(pick) + b"\r\n")
    pick.shuffle(fields)
    lines = []
    for _ in range(pick.choice((0, 0, 1, 5, 40))):
        lines.append(pick.choice((lambda: b"", lambda: words(pick, " \t"), lambda: words(pick, " \t\r"), lambda: b" \t",
                                  lambda: b"." * pick.randrange(3), lambda: b"x" * pick.choice((998, 5000))))())
    body = b"\r\n".join(line.replace(b"\r\n", b"") for line in lines) + pick.choice((b"", b"\r\n", b"\r\n", b"\r\n\r\n\r\n"))
    if not body.endswith(b"\r\n"):
        body = body.rstrip(b" \t\r")
    return b"".join(fields) + b"\r\n" + body


def without_lone_cr(message: bytes) -> bytes:
    """CRs within the lines of the body: RFC 5322 §2.3 forbids them, RFC 6376 is silent. Postern and dkimpy leave them alone."""
    return re.sub(rb"\r(?!\n)", b"_", message)


def change_one(pick: random.Random, message: bytes) -> bytes:
    """Another letter in From, or in the body where it has one."""
    split = message.index(b"\r\n\r\n") + 4
    letters = [i for i in range(split, len(message)) if message[i : i + 1].isalnum()]
    start = re.search(rb"^From:", message, re.M).end()
    at = pick.choice(letters) if letters and pick.random() < 0.5 else start + message[start:].index(b"u")
    return message[:at] + (b"z" if message[at : at + 1] != b"z" else b"y") + message[at + 1 :]


class Tally:
    def __init__(self):
        self.passed = self.failed = 0

    def expect(self, what: str, wanted, got, message: bytes) -> None:
        if wanted == got:
            self.passed += 1
            return
        self.failed += 1
        print(f"FAIL {what}: expected {wanted}, got {got}\n{message!r}")
