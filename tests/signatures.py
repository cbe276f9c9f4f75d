#!/usr/bin/python3
"""postern dkim, arc and authres as scripts use them: exit status, files, standard input.

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
    c.expect(USAGE, "dkim", "keygen", "-o", "new.pem", "-d", "a b", "-s", "s")
    assert not (folder / "new.pem").exists(), "a key for no domain"
    assert c.expect(DONE, "dkim", "keygen", "-o", "idn.pem", "--type", "ed25519", "-d", "bücher.example", "-s", "s").startswith(
        b"s._domainkey.xn--bcher-kva.example. TXT")


def published(c: Commands, folder: Path) -> None:
    """What stands in the DNS is the key's, or another's, or nothing; in both cases the line that should."""
    line = (folder / "zone").read_bytes()
    assert c.expect(DONE, "dkim", "check", *SIGN, "--zone", "zone").startswith(b"pass: s._domainkey.example.com")
    (folder / "other").write_bytes(c.expect(DONE, "dkim", "keygen", "-o", "other.pem", "-d", "example.com", "-s", "s", "--bits", "1024"))
    (folder / "none").write_text("")
    for zone, why in (("other", b"the key there is another one"), ("none", b"there is no key record")):
        out = c.expect(NO, "dkim", "check", *SIGN, "--zone", zone)
        assert why in out and out.endswith(line), out
    c.expect(AGAIN, "dkim", "check", *SIGN, "--zone", "slow")
    c.expect(USAGE, "dkim", "check", "--zone", "zone")


def signatures(c: Commands, folder: Path) -> bytes:
    signed = c.expect(DONE, "dkim", "sign", *SIGN, "--message", message=MESSAGE)
    assert signed.endswith(MESSAGE)
    out = json.loads(c.expect(DONE, "dkim", "verify", "--json", "--zone", "zone", message=signed))
    assert out["result"] == "pass" and out["signatures"][0]["key_bits"] == 1024
    assert c.expect(DONE, "dkim", "verify", "--zone", "zone", "-", message=signed) == b"pass: d=example.com s=s rsa-sha256\n"
    assert b"key_bits: 1024" in c.expect(DONE, "dkim", "verify", "-v", "--zone", "zone", "-", message=signed)
    # The same as a local file has it.
    (folder / "local.eml").write_bytes(signed.replace(b"\r\n", b"\n"))
    c.expect(DONE, "dkim", "verify", "--zone", "zone", "local.eml")
    changed = c.expect(NO, "dkim", "verify", "--zone", "zone", message=signed.replace(b"Hello", b"Hullo"))
    assert changed == b"fail: d=example.com s=s rsa-sha256: the body is not the one that was signed\n", changed
    assert c.expect(NO, "dkim", "verify", "--zone", "zone", message=MESSAGE) == b"none: there is no signature\n"
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


READ = (b"From: a@example.com\r\nAuthentication-Results: mx.example.net (x) 1; spf=pass smtp.mailfrom=a@example.com;\r\n"
        b" dkim=fail reason=\"no key\" header.d=example.com; dkim=\r\nauthentication-results : other.example; none\r\n\r\nbody\r\n")
AUTHOR = ('example.com TXT "v=spf1 ip4:192.0.2.1 -all"\n_dmarc.example.com TXT "v=DMARC1; p=reject"\n'
          "1.2.0.192.in-addr.arpa PTR mx.example.com\nmx.example.com A 192.0.2.1\n")


def results(c: Commands, folder: Path, signed: bytes) -> None:
    fields = json.loads(c.expect(DONE, "authres", "read", "--json", "--authserv-id", "MX.example.net", message=READ))["fields"]
    assert [(f["authserv_id"], f["ours"], f["malformed"]) for f in fields] == [("mx.example.net", True, True),
                                                                               ("other.example", False, False)]
    assert [(r["method"], r["result"], r.get("reason")) for r in fields[0]["results"]] == [("spf", "pass", None),
                                                                                           ("dkim", "fail", "no key")]
    assert "results" not in fields[1]
    c.expect(NO, "authres", "read", message=MESSAGE)
    assert json.loads(c.expect(NO, "authres", "read", "--json", message=MESSAGE)) == {"fields": []}

    (folder / "authors").write_text((folder / "zone").read_text() + AUTHOR)
    make = ("authres", "make", "--from", "author@example.com", "--helo", "mx.example.com", "--authserv-id", "mx.example.net")
    known = (*make, "--ip", "192.0.2.1", "--ptr", "mx.example.com", "--zone", "authors")

    def methods(out: bytes) -> dict:
        return {r["method"]: r["result"] for r in json.loads(out)["results"]}

    assert methods(c.expect(DONE, *known, "--json", message=signed)) == {
        "iprev": "pass", "spf": "pass", "dkim": "pass", "arc": "none", "dmarc": "pass"}
    forged = c.expect(DONE, *make, "--ip", "203.0.113.9", "--json", "--zone", "authors", message=signed.replace(b"Hello", b"Hullo"))
    assert methods(forged) == {"iprev": "permerror", "spf": "fail", "dkim": "fail", "arc": "none", "dmarc": "fail"}
    c.expect(AGAIN, *make, "--ip", "192.0.2.1", "--zone", "slow", message=signed)
    # What is printed is a field that is read again.
    field = c.expect(DONE, *known, message=signed)
    again = json.loads(c.expect(DONE, "authres", "read", "--json", message=field + signed))["fields"]
    assert [(f["authserv_id"], f["malformed"], len(f["results"])) for f in again] == [("mx.example.net", False, 5)]


def secrets(c: Commands, folder: Path) -> None:
    """Blank lines are none: who knows that there is one could forge."""
    made = []
    for name, text in (("plain", "one\ntwo\n"), ("blank", "\n one \n\ntwo"), ("empty", "\n\n")):
        (folder / name).write_text(text)
        (folder / name).chmod(0o600)
        made.append(c.expect(USAGE if name == "empty" else DONE, "srs", "forward", "--secret-file", name, "--domain", "our.example",
                             "--time", "1700000000", "a@b.example"))
    assert made[0] == made[1] and made[2] == b"", made


def scanned(c: Commands) -> None:
    for arguments in ((), ("-",)):
        assert b"rcpt       <b@example.net> accepted" in c.expect(DONE, "scan", "--rcpt", "b@example.net", *arguments, message=MESSAGE)


def usage(c: Commands) -> None:
    for arguments in (("dkim",), ("dkim", "verify", "nofile"), ("dkim", "sign"), ("dkim", "sign", *SIGN, "--canon", "nowsp"),
                      ("dkim", "sign", *SIGN, "--names", "Subject"), ("dkim", "sign", *SIGN, "--identity", "a@example.net"),
                      ("dkim", "keygen"), ("dkim", "check", "-k", "key.pem", "-d", "example", "-s", "s"),
                      ("dkim", "check", "-k", "key.pem", "-d", "example.com", "-s", ""), ("arc",), ("arc", "seal", *SIGN), ("arc", "seal", *SIGN, "--authres", "x", "--status", "y"),
                      ("arc", "seal", *SIGN, "--authres", "dkim=pass"),
                      ("authres",), ("authres", "make"), ("authres", "make", "--ip", "x"), ("authres", "read", "a", "b"),
                      ("authres", "make", "--ip", "192.0.2.1", "--authserv-id", "a\n[spf]"), ("authres", "read", "nofile")):
        c.expect(USAGE, *arguments, message=MESSAGE)


def main(postern: str) -> int:
    with tempfile.TemporaryDirectory() as folder:
        commands = Commands(str(Path(postern).resolve()), folder)
        keys(commands, Path(folder))
        published(commands, Path(folder))
        signed = signatures(commands, Path(folder))
        chains(commands, signed)
        results(commands, Path(folder), signed)
        secrets(commands, Path(folder))
        scanned(commands)
        usage(commands)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
