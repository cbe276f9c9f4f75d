#!/usr/bin/python3
"""postern dkim and postern arc as scripts use them: exit status, files, standard input.

    signatures.py POSTERN
"""
import json
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

DONE, NO, USAGE, AGAIN = 0, 1, 2, 75
MESSAGE = b"From: Author <author@example.com>\r\nSubject: s\r\n\r\nHello\r\n"
SIGN = ("-k", "key.pem", "-d", "example.com", "-s", "s")


class Commands:
    def __init__(self, postern: str, folder: str):
        self.postern, self.folder = postern, folder

    def run(self, *arguments: str, message: bytes = b"") -> tuple[int, bytes]:
        done = subprocess.run([self.postern, *arguments], input=message, capture_output=True, cwd=self.folder)
        assert (done.returncode in (DONE, NO, AGAIN)) or done.stderr, f"{arguments}: no word on stderr"
        return done.returncode, done.stdout

    def expect(self, status: int, *arguments: str, message: bytes = b"") -> bytes:
        got, out = self.run(*arguments, message=message)
        assert got == status, f"{arguments}: expected exit status {status}, got {got}"
        return out


def keys(c: Commands, folder: Path) -> None:
    line = c.expect(DONE, "dkim", "keygen", "-o", "key.pem", "-d", "example.com", "-s", "s", "--bits", "1024")
    (folder / "zone").write_bytes(line)
    (folder / "slow").write_text("s._domainkey.example.com ERROR TIMEOUT\n")
    assert stat.S_IMODE((folder / "key.pem").stat().st_mode) == 0o600
    before = (folder / "key.pem").read_bytes()
    c.expect(USAGE, "dkim", "keygen", "-o", "key.pem", "-d", "example.com", "-s", "s")
    assert (folder / "key.pem").read_bytes() == before, "a key was overwritten"
    c.expect(USAGE, "dkim", "keygen", "-o", "new.pem", "-d", "example.com", "-s", "s", "--bits", "512")
    assert not (folder / "new.pem").exists()


def signatures(c: Commands, folder: Path) -> bytes:
    signed = c.expect(DONE, "dkim", "sign", *SIGN, "--message", message=MESSAGE)
    assert signed.endswith(MESSAGE)
    out = json.loads(c.expect(DONE, "dkim", "verify", "--json", "--zone", "zone", message=signed))
    assert out["result"] == "pass" and out["signatures"][0]["key_bits"] == 1024
    c.expect(DONE, "dkim", "verify", "--zone", "zone", "-", message=signed)
    # The same as a local file has it.
    (folder / "local.eml").write_bytes(signed.replace(b"\r\n", b"\n"))
    c.expect(DONE, "dkim", "verify", "--zone", "zone", "local.eml")
    c.expect(NO, "dkim", "verify", "--zone", "zone", message=signed.replace(b"Hello", b"Hullo"))
    c.expect(NO, "dkim", "verify", "--zone", "zone", message=MESSAGE)
    c.expect(AGAIN, "dkim", "verify", "--zone", "slow", message=signed)
    # Time is ours to set.
    old = c.expect(DONE, "dkim", "sign", *SIGN, "--message", "--expire", "2", "--time", "1700000000", message=MESSAGE)
    c.expect(DONE, "dkim", "verify", "--zone", "zone", "--time", "1700172800", message=old)
    c.expect(NO, "dkim", "verify", "--zone", "zone", "--time", "1700172801", message=old)
    return signed


def chains(c: Commands, signed: bytes) -> None:
    seal = ("arc", "seal", *SIGN, "--authres", "mx.example.com; spf=pass", "--zone", "zone", "--message")
    c.expect(NO, "arc", "verify", "--zone", "zone", message=signed)
    once = c.expect(DONE, *seal, message=signed)
    twice = c.expect(DONE, *seal, "--canon", "simple/simple", message=once)
    out = json.loads(c.expect(DONE, "arc", "verify", "--json", "--zone", "zone", message=twice))
    assert [hop["i"] for hop in out["hops"]] == [1, 2] and out["oldest_pass"] == 0
    c.expect(AGAIN, "arc", "verify", "--zone", "slow", message=twice)
    c.expect(AGAIN, *[w.replace("zone", "slow") if w == "zone" else w for w in seal], message=twice)
    # A broken chain is sealed as one, and then never again.
    broken = twice.replace(b"Hello", b"Hullo")
    c.expect(NO, "arc", "verify", "--zone", "zone", message=broken)
    failed = c.expect(DONE, *seal, message=broken)
    assert b"cv=fail" in failed
    c.expect(NO, *seal, message=failed)


def usage(c: Commands) -> None:
    for arguments in (("dkim",), ("dkim", "verify", "nofile"), ("dkim", "sign"), ("dkim", "sign", *SIGN, "--canon", "nowsp"),
                      ("dkim", "sign", *SIGN, "--names", "Subject"), ("dkim", "sign", *SIGN, "--identity", "a@example.net"),
                      ("dkim", "keygen"), ("arc",), ("arc", "seal", *SIGN), ("arc", "seal", *SIGN, "--authres", "x", "--status", "y")):
        c.expect(USAGE, *arguments, message=MESSAGE)


def main(postern: str) -> int:
    with tempfile.TemporaryDirectory() as folder:
        commands = Commands(str(Path(postern).resolve()), folder)
        keys(commands, Path(folder))
        chains(commands, signatures(commands, Path(folder)))
        usage(commands)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
