#!/usr/bin/python3
"""Postern against dkimpy: what one signs or seals the other verifies, and what is changed passes with neither.

    dkimpy.py POSTERN [MESSAGES] [SEED]

Messages are random and ugly. Exit status 77: dkimpy is not installed.
"""
import base64
import json
import random
import re
import subprocess
import sys
import tempfile
from pathlib import Path

try:
    import authres  # noqa: F401  (dkimpy needs it for ARC)
    import dkim
    import nacl  # noqa: F401  (and this for Ed25519)
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)

DOMAIN = "example.com"
CANONS = ("simple", "relaxed")
NAMES = ("From", "Subject", "To", "Date", "X-Odd", "X-Twice")


class Postern:
    def __init__(self, program: str, folder: Path):
        self.program, self.folder = program, folder
        self.zone, self.records, self.seeds = folder / "zone", {}, {}
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

    def sign(self, message: bytes, selector: str, canon: str) -> bytes:
        arguments = [x for name in NAMES for x in ("--field", name)]
        return self.run("dkim", "sign", "-k", str(self.key(selector)), "-d", DOMAIN, "-s", selector, "--canon", canon, "--message",
                        *arguments, message=message)[1]

    def verify(self, message: bytes) -> str:
        return json.loads(self.run("dkim", "verify", "--json", "--zone", str(self.zone), message=message)[1])["result"]

    def seal(self, message: bytes, text: str, canon: str) -> bytes:
        return self.run("arc", "seal", "-k", str(self.key("rsa")), "-d", DOMAIN, "-s", "rsa", "--canon", canon, "--zone",
                        str(self.zone), "--authres", text, "--message", message=message)[1]

    def chain(self, message: bytes) -> str:
        return json.loads(self.run("arc", "verify", "--json", "--zone", str(self.zone), message=message)[1])["result"]


class Dkimpy:
    def __init__(self, postern: Postern):
        self.postern, self.pem = postern, postern.key("rsa").read_bytes()

    def sign(self, message: bytes, selector: str, canon: str) -> bytes:
        field = dkim.sign(message, selector.encode(), DOMAIN.encode(), self.pem if selector == "rsa" else self.postern.seed,
                          canonicalize=tuple(c.encode() for c in canon.split("/")),
                          signature_algorithm=b"rsa-sha256" if selector == "rsa" else b"ed25519-sha256",
                          include_headers=[name.lower().encode() for name in NAMES])
        return field + message

    def verify(self, message: bytes) -> bool:
        return dkim.verify(message, dnsfunc=self.postern.dns)

    def seal(self, message: bytes, text: str) -> bytes:
        name = text.split(";")[0].encode()
        return b"".join(dkim.arc_sign(message, b"rsa", DOMAIN.encode(), self.pem, name)) + message

    def chain(self, message: bytes) -> str:
        return dkim.arc_verify(message, dnsfunc=self.postern.dns)[0].decode()


# dkimpy takes a lone LF for a line end and, at the end of a body without one, keeps the white space: not made here.
def words(pick: random.Random, blanks: str) -> bytes:
    pieces = []
    for _ in range(pick.randrange(1, 12)):
        word = bytes(pick.choice(b"abcXYZ019.;=:@<>\xc3\xa9\"()\\-") for _ in range(pick.choice((1, 3, 8, 200))))
        pieces.append(word + "".join(pick.choice(blanks) for _ in range(pick.choice((0, 1, 1, 2, 5)))).encode())
    return b"".join(pieces)


def header_value(pick: random.Random) -> bytes:
    lines = [words(pick, " \t") for _ in range(pick.choice((1, 1, 2, 4)))]
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


def signatures(postern: Postern, peer: Dkimpy, pick: random.Random, tally: Tally) -> None:
    message, selector = random_message(pick), pick.choice(("rsa", "ed"))
    canon = f"{pick.choice(CANONS)}/{pick.choice(CANONS)}"
    for name, signer in (("postern", postern), ("dkimpy", peer)):
        signed = signer.sign(message, selector, canon)
        what = f"signed by {name}, {selector} {canon}"
        tally.expect(f"{what}, verified by postern", "pass", postern.verify(signed), signed)
        tally.expect(f"{what}, verified by dkimpy", True, peer.verify(signed), signed)
        changed = change_one(pick, signed)
        tally.expect(f"{what}, changed, verified by postern", "fail", postern.verify(changed), changed)
        tally.expect(f"{what}, changed, verified by dkimpy", False, peer.verify(changed), changed)


def chains(postern: Postern, peer: Dkimpy, pick: random.Random, tally: Tally) -> None:
    message, history = random_message(pick), []
    for hop in range(1, 4):
        text = f"hop{hop}.example; arc={'pass' if hop > 1 else 'none'}; spf=pass smtp.mailfrom=author@example.com"
        message = f"Authentication-Results: {text}\r\n".encode() + message
        history.append(pick.choice(("postern", "dkimpy")))
        if history[-1] == "postern":
            message = postern.seal(message, text, f"{pick.choice(CANONS)}/{pick.choice(CANONS)}")
        else:
            message = peer.seal(message, text)
        what = f"sealed by {', '.join(history)}"
        tally.expect(f"{what}, validated by postern", "pass", postern.chain(message), message)
        tally.expect(f"{what}, validated by dkimpy", "pass", peer.chain(message), message)
    changed = change_one(pick, message)
    tally.expect("a changed chain, validated by postern", "fail", postern.chain(changed), changed)
    tally.expect("a changed chain, validated by dkimpy", "fail", peer.chain(changed), changed)


def main(program: str, messages: int = 30, seed: int = 1) -> int:
    tally, pick = Tally(), random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        postern = Postern(program, Path(folder))
        peer = Dkimpy(postern)
        for _ in range(messages):
            signatures(postern, peer, pick, tally)
        for _ in range(max(messages // 4, 1)):
            chains(postern, peer, pick, tally)
    print(f"{tally.passed} passed, {tally.failed} failed")
    return tally.failed > 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], *map(int, sys.argv[2:])))
