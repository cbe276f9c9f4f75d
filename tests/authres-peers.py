#!/usr/bin/python3
"""Authentication-Results: authres (Python) and OpenDMARC read what we write, and authres and we read alike what others write.

    authres-peers.py POSTERN AUTHRES-WRITE [FIELDS] [SEED]

Others are authres, dkimpy, OpenDKIM, OpenDMARC and rspamd. Who is not installed is left out, with a word; exit status 77: authres
is not.
"""
import json
import random
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from peers.common import CLIENT_NAME, DOMAIN, SKIP, Postern, Tally, random_message
from peers.dkimpy import Dkimpy
from peers.opendkim import OpenDkim
from peers.opendmarc import OpenDmarc
from peers.rspamd import Rspamd

from harness import net

try:
    import authres
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(SKIP)

PEERS = (Dkimpy, OpenDkim, OpenDmarc, Rspamd)
CONFIG = "[spf]\nmode = header\n[dkim]\nverify = header\n[arc]\nverify = yes\n[dmarc]\nmode = report\n[authres]\nadd = yes\n"
RECORDS = f'{DOMAIN} TXT "v=spf1 -all"\n_dmarc.{DOMAIN} TXT "v=DMARC1; p=quarantine"\n'
# Of each method, what is in its result by RFC 8601 §2.7.
PROPERTIES = {"spf": (("smtp", "mailfrom"), ("smtp", "helo")), "dkim": (("header", "d"), ("header", "i"), ("header", "b")),
              "dmarc": (("header", "from"), ("policy", "dmarc")), "iprev": (("policy", "iprev"), ), "auth": (("smtp", "auth"), ),
              "arc": (("smtp", "remote-ip"), ), "x-odd": (("body", "odd"), )}
RESULTS = ("pass", "fail", "softfail", "neutral", "none", "temperror", "permerror", "policy")


class Result(NamedTuple):
    method: str
    result: str
    reason: str | None
    properties: tuple[tuple[str, str, str], ...]


class Field(NamedTuple):
    id: str
    results: tuple[Result, ...]


class Ours:
    """libpostern writes, `postern authres` reads."""

    def __init__(self, postern: str, writer: str):
        self.postern, self.writer = postern, writer

    def write(self, fields: list[Field]) -> list[str]:
        texts = []
        for field in fields:
            items = [(field.id, )]
            for r in field.results:
                items += [(r.method, r.result), ("comment", "a (comment) ;\\"), *((("reason", r.reason), ) if r.reason else ()), *r.properties]
            texts.append("\x1e".join("\x1f".join(item) for item in items))
        done = subprocess.run([self.writer], input="".join(text + "\0" for text in texts).encode(), capture_output=True, check=True)
        return done.stdout.decode().split("\0")[:-1]

    def read(self, values: list[str]) -> list[Field | str]:
        message = "".join(f"Authentication-Results: {value}\r\n" for value in values) + "\r\n"
        done = subprocess.run([self.postern, "authres", "read", "--json"], input=message.encode(), capture_output=True, check=True)
        found = []
        for field in json.loads(done.stdout)["fields"]:
            results = tuple(Result(r["method"], r["result"], r.get("reason"), tuple(tuple(p.values()) for p in r.get("properties", ())))
                            for r in field.get("results", ()))
            found.append("malformed" if field["malformed"] else Field(field["authserv_id"].lower(), results))
        return found


def authres_reads(value: str) -> Field:
    """It wants the field unfolded, and leaves the backslashes in quoted strings."""
    header = authres.AuthenticationResultsHeader.parse_value(re.sub(r"\r?\n", "", value))
    results = []
    for r in header.results:
        properties = tuple((p.type.lower(), p.name.lower(), unquoted(p.value)) for p in r.properties)
        results.append(Result(r.method.lower(), r.result.lower(), r.reason and unquoted(r.reason), properties))
    return Field(header.authserv_id, tuple(results))


def unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", str(text))


def random_value(pick: random.Random, ugly: bool) -> str:
    letters = "abcXYZ019-_+*!$" + ("." if not ugly else ".;=@<>()[]\\\", :/?")
    return "".join(pick.choice(letters) for _ in range(pick.choice((1, 3, 10, 60)))).strip(" .") or "x"


def random_field(pick: random.Random) -> Field:
    """authres loses a quoted value that is not the last of its result, and keeps blanks at its ends out: not made here."""
    results = []
    for method in pick.sample(sorted(PROPERTIES), pick.randrange(0, 4)):
        some = PROPERTIES[method][: pick.randrange(0, 4)]
        properties = tuple((*name, random_value(pick, name == some[-1] and pick.random() < 0.5)) for name in some)
        results.append(Result(method, pick.choice(RESULTS), random_value(pick, True) if pick.random() < 0.3 else None, properties))
    return Field(pick.choice(("mx.example.com", "a", "x-1.example.org")), tuple(results))


def written_by_authres(field: Field) -> str:
    results = [authres.AuthenticationResult(r.method, result=r.result, reason=r.reason, properties=[
        authres.AuthenticationResultProperty(*p) for p in r.properties]) for r in field.results]
    return authres.AuthenticationResultsHeader(authserv_id=field.id, results=results).header_value()


def reads_itself(field: Field, value: str) -> bool:
    try:
        return authres_reads(value) == field
    except authres.AuthResError:
        return False


def random_fields(tool: Ours, fields: list[Field], tally: Tally) -> None:
    for field, value in zip(fields, tool.write(fields)):
        tally.expect("written by postern, read by authres", field, authres_reads(value), value)
    # It quotes too little: what it cannot read itself does not count.
    good = [(field, value) for field, value in ((f, written_by_authres(f)) for f in fields) if reads_itself(field, value)]
    for (field, value), read in zip(good, tool.read([value for _, value in good])):
        tally.expect("written by authres, read by postern", field, read, value)
    if len(good) < len(fields) / 2:
        raise SystemExit("authres reads hardly anything that it wrote: this test proves nothing")


def values_of(output: bytes, name: str) -> list[str]:
    unfolded = re.sub(rb"\r?\n(?=[ \t])", b"", output).decode(errors="replace")
    return re.findall(rf"^{name}:[ \t]*(.*?)\r?$", unfolded, re.M)


def ours(postern: Postern, config: Path, message: bytes) -> str:
    out = postern.scan(message, config, postern.zone, f"bounce@{DOMAIN}", CLIENT_NAME, "--headers")
    return values_of(out, "Authentication-Results")[0]


def made_by_programs(postern: Postern, folder: Path, messages: list[bytes], tally: Tally) -> list[tuple[str, str]]:
    """Who wrote it, and the value. All get the messages with our field on top."""
    config = folder / "conf"
    config.write_text(CONFIG)
    fields = [ours(postern, config, message) for message in messages]
    made = [("postern", value) for value in fields]
    for kind in PEERS:
        if kind.missing():
            print(f"without {kind.name}: {kind.missing()}")
            continue
        peer = kind(postern, folder / kind.name)
        try:
            values = [peer.results(f"Authentication-Results: {field}\r\n".encode() + message) for field, message in zip(fields, messages)]
        finally:
            peer.stop()
        made += [(kind.name, value) for value in values]
        if kind is OpenDmarc:
            for field, value in zip(fields, values):
                tally.expect("our field, judged by opendmarc", dmarc(field), dmarc(value), field)
    return made


def dmarc(value: str) -> str:
    return re.search(r"dmarc=(\w+)", value)[1]


def main(program: str, writer: str, fields: int = 300, seed: int = 1) -> int:
    tally, pick, tool = Tally(), random.Random(seed), Ours(program, writer)
    net.enter()  # where it may not, OpenDMARC is missing
    random_fields(tool, [random_field(pick) for _ in range(fields)], tally)
    with tempfile.TemporaryDirectory() as name:
        postern = Postern(program, Path(name))
        postern.zone.write_text(postern.zone.read_text() + RECORDS)
        messages = []
        for _ in range(max(fields // 30, 1)):
            message = random_message(pick)
            for kind in PEERS:
                message = kind.fit(message)
            for selector in pick.choice(((), ("rsa", ), ("ed", "rsa"))):
                message = postern.sign(message, selector, "relaxed/relaxed")
            messages.append(message if pick.random() < 0.5 else message + b"changed\r\n")
        made = made_by_programs(postern, Path(name), messages, tally)
    for (who, value), read in zip(made, tool.read([value for _, value in made])):
        tally.expect(f"made by {who}, read by both", authres_reads(value), read, value)
    print(f"{tally.passed} passed, {tally.failed} failed")
    return tally.failed > 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3], *map(int, sys.argv[3:])))
