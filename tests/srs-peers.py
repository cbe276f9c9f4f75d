#!/usr/bin/python3
"""`postern srs` against Debian's Mail::SRS and PostSRSd: what we forward they turn back, and the other way; and by itself.

    srs-peers.py POSTERN
"""
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SKIP = 77
SECRET = "a secret of both"
US = "srs.our.example"
SENDERS = ("joe@example.com", "Joe.Doe+tag@Mail.Example.COM", "prvs=0465a1b2c3=joe@example.com", "a=b@example.com",
           "SRS0=abcd=7K=a.example=joe@first.example", "SRS0+abcd=7K=a.example=joe@first.example",
           "SRS1=abcd=a.example==efgh=7K=b.example=joe@first.example")


def same(a: str, b: str) -> bool:
    """Up to the case of the domain."""
    return a.rpartition("@")[0] == b.rpartition("@")[0] and a.rpartition("@")[2].lower() == b.rpartition("@")[2].lower()


class Postern:
    def __init__(self, program: str, secret: Path):
        self.base = [program, "srs"]
        self.secret = secret

    def run(self, what: str, address: str, *options: str) -> tuple[int, dict]:
        done = subprocess.run([*self.base, what, "--json", "--secret-file", self.secret, "--domain", US, *options, address],
                              capture_output=True, text=True)
        if done.returncode > 1:
            raise SystemExit(f"{what} {address}: {done.stderr}")
        return done.returncode, json.loads(done.stdout)

    def forward(self, address: str) -> str:
        return self.run("forward", address)[1]["address"]

    def reverse(self, address: str) -> str:
        """One step: the others do one, too."""
        return self.run("verify", address)[1].get("address", "")


class MailSrs:
    name = "Mail::SRS"
    program = 'use Mail::SRS; my $s = Mail::SRS->new(Secret => $ARGV[0], AlwaysRewrite => 1); my $f = $ARGV[1]; ' \
              'print $f eq "forward" ? $s->forward($ARGV[2], $ARGV[3]) : $s->reverse($ARGV[2]);'

    def __init__(self, secret: Path):
        pass

    @staticmethod
    def missing() -> bool:
        return subprocess.run(["perl", "-MMail::SRS", "-e", "1"], capture_output=True).returncode != 0

    def ask(self, what: str, address: str) -> str:
        done = subprocess.run(["perl", "-e", self.program, SECRET, what, address, US], capture_output=True, text=True)
        return done.stdout

    def stop(self) -> None:
        pass


class PostSrsd:
    """1.x: tables of tcp_table(5)."""
    name = "PostSRSd"

    def __init__(self, secret: Path):
        self.ports = {what: free_port() for what in ("forward", "reverse")}
        self.process = subprocess.Popen(
            ["postsrsd", "-l", "127.0.0.1", "-f", str(self.ports["forward"]), "-r", str(self.ports["reverse"]), "-d", US,
             "-s", str(secret)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for port in self.ports.values():
            wait_for(port)

    @staticmethod
    def missing() -> bool:
        return shutil.which("postsrsd") is None

    def ask(self, what: str, address: str) -> str:
        with socket.create_connection(("127.0.0.1", self.ports[what]), 5) as s:
            s.sendall(f"get {address}\n".encode())
            answer = s.makefile().readline().strip()
        return answer.removeprefix("200 ") if answer.startswith("200 ") else ""

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(5)


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(port: int) -> None:
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"nothing listens on port {port}")


def compare(us: Postern, peer) -> list[str]:
    wrong = []
    for sender in SENDERS:
        ours, theirs = us.forward(sender), peer.ask("forward", sender)
        back, their_back = us.reverse(theirs), peer.ask("reverse", ours)
        if not same(us.reverse(ours), back) or not same(back, their_back) or not back:
            wrong.append(f"{peer.name}, {sender}: we make {ours}, which is {their_back} to them; they make {theirs}, "
                         f"which is {back} to us")
        if not sender.startswith("SRS") and not same(back, sender):
            wrong.append(f"{peer.name}, {sender}: came back as {back}")
    if peer.ask("reverse", f"SRS0=AAAA=7K=example.com=joe@{US}") not in ("", f"SRS0=AAAA=7K=example.com=joe@{US}"):
        wrong.append(f"{peer.name} believes a forged signature: this test proves nothing")
    return wrong


def by_itself(us: Postern) -> list[str]:
    """Forms, statuses and exit statuses of the command."""
    wrong = []
    when = ("--time", "2026-01-05T12:00:00Z")
    for form in ("srs", "ses", "batv"):
        status, made = us.run("sign", f"joe@{US}", "--form", form, *when)
        for later, want in (("2026-01-06T12:00:00Z", (0, "valid")), ("2026-01-30T12:00:00Z", (1, "expired"))):
            got, found = us.run("verify", made["address"], "--form", form, "--time", later)
            if status != 0 or (got, found["status"]) != want:
                wrong.append(f"{form}: {made}, at {later} {got} {found}")
    for address, want in ((f"SRS0=AAAA=7K=example.com=joe@{US}", "forged"), ("joe@example.com", "untagged"),
                          ("SRS0=AAAA=7K=example.com=joe@other.example", "untagged")):
        got, found = us.run("reverse", address)
        if (got, found["status"]) != (1, want):
            wrong.append(f"reverse {address}: {got} {found}, expected {want}")
    bad = subprocess.run([*us.base, "bend", "joe@example.com"], capture_output=True).returncode
    none = subprocess.run([*us.base, "forward", "joe@example.com"], capture_output=True).returncode
    return wrong + ([] if (bad, none) == (2, 2) else [f"exit status {bad} for no command, {none} without a secret; 2 is expected"])


def main(postern: str) -> int:
    skipped = []
    with tempfile.TemporaryDirectory() as folder:
        secret = Path(folder) / "secret"
        secret.write_text(SECRET + "\n")
        os.chmod(secret, 0o600)
        us = Postern(postern, secret)
        wrong = by_itself(us)
        for kind in (MailSrs, PostSrsd):
            if kind.missing():
                skipped.append(kind.name)
                continue
            peer = kind(secret)
            try:
                wrong += compare(us, peer)
            finally:
                peer.stop()
    print("\n".join(wrong) or "all alike", *(f"\n{name} is not installed (scripts/setup test)" for name in skipped))
    return 1 if wrong else SKIP if skipped else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
