"""E2. What we sign goes through the MTA, and others verify it at the next hop: dkimpy, and opendkim where it is installed."""
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from cases import BOB, CAROL
from harness.filter import POSTERN, Postern
from harness.process import wait_until
from harness.text import odd_messages
from harness.world import World

dkim = pytest.importorskip("dkim")
pytest.importorskip("nacl")
from harness.keys import Keys, txt_record  # noqa: E402  (it needs both)

DOMAIN = "our.example"
INSIDE = {"connection": {"internal_connect": "203.0.113.0/24"}}
CLIENT = "203.0.113.1"
MESSAGES = odd_messages(DOMAIN)


@pytest.fixture(scope="module")
def keys(tmp_path_factory) -> Keys:
    return Keys(tmp_path_factory.mktemp("keys"), DOMAIN)


def serve(world: World, keys: Keys, table: str | None = None, **sign: str):
    settings = {**INSIDE, "sign": {"keytable": "@keytable", **sign}}
    folder = world.folder / f"postern-{len(list(world.folder.glob('postern-*')))}"
    folder.mkdir()
    (folder / "keytable").write_text(keys.table() if table is None else table)
    (folder / "keytable").chmod(0o600)
    postern = Postern(folder, world.milter, world.names.server, settings)
    world.filters.append(postern)
    return postern


def signatures(content: bytes) -> int:
    return len(re.findall(rb"^DKIM-Signature:", content.partition(b"\r\n\r\n")[0], re.M | re.I))


def verdicts(content: bytes, keys: Keys) -> list[bool]:
    def one(index: int) -> bool:
        try:
            return dkim.DKIM(content).verify(idx=index, dnsfunc=keys.txt)
        except dkim.ValidationError:
            return False

    return [one(i) for i in range(signatures(content))]


@pytest.mark.parametrize("canon", ["relaxed/relaxed", "simple/simple", "simple/relaxed", "relaxed/simple"])
def test_others_verify_what_we_sign(world: World, keys: Keys, canon: str) -> None:
    """All messages over one connection, RSA and Ed25519 together, several recipients."""
    header, body = canon.split("/")
    serve(world, keys, header_canon=header, body_canon=body)
    with world.session(CLIENT, "pc.our.example") as client:
        for content in MESSAGES.values():
            assert client.message(f"fred@{DOMAIN}", [BOB, CAROL], content).accepted
    world.mta.drain()
    bad = []
    for delivery in world.sink.wait(len(MESSAGES)):
        result = verdicts(delivery.content, keys)
        if result != [True, True]:
            bad.append((result, delivery.head.decode(errors="replace")))
        assert delivery.head.startswith(b"DKIM-Signature:"), "index 0"
    assert not bad, "\n".join(f"{r}\n{h}" for r, h in bad)


def test_opendkim_verifies_what_we_sign(world: World, keys: Keys) -> None:
    """RSA alone: it knows no Ed25519."""
    program = shutil.which("opendkim-testmsg")
    if not program:
        pytest.skip("opendkim-testmsg is not installed")
    world.names.add(keys.zone())
    for canon in ("relaxed", "simple"):
        serve(world, keys, f"{DOMAIN} rsa {keys.files['rsa']}\n", header_canon=canon, body_canon=canon)
        world.sink.clear()
        for content in MESSAGES.values():
            assert world.send(f"fred@{DOMAIN}", BOB, content, ip=CLIENT).accepted
        world.mta.drain()
        for delivery in world.sink.wait(len(MESSAGES)):
            done = subprocess.run([program], input=delivery.content, capture_output=True)
            assert done.returncode == 0, (done, delivery.head)
        changed = delivery.content.replace(b"Message-ID: <1@", b"Message-ID: <2@")
        assert subprocess.run([program], input=changed, capture_output=True).returncode != 0
        world.stop_filters()


def test_without_leading_blanks(world: World, keys: Keys) -> None:
    """An MTA that keeps the blank after the colon to itself (milter protocol 4)."""
    if world.mta.name != "postfix":
        pytest.skip("only Postfix can be told")
    with world.mta.speaking_protocol(4):
        serve(world, keys, header_canon="simple", body_canon="simple")
        for name in ("plain", "folded fields", "tabs and blanks", "8 bit"):
            assert world.send(f"fred@{DOMAIN}", BOB, MESSAGES[name], ip=CLIENT).accepted
        world.mta.drain()
        assert [verdicts(d.content, keys) for d in world.sink.wait(4)] == [[True, True]] * 4
        world.stop_filters()


def test_what_is_changed_passes_no_more(world: World, keys: Keys) -> None:
    serve(world, keys)
    assert world.send(f"fred@{DOMAIN}", BOB, MESSAGES["plain"], ip=CLIENT).accepted
    [delivery] = world.sink.wait(1)
    assert verdicts(delivery.content, keys) == [True, True]
    for change in (delivery.content.replace(b"Hello", b"hello"), b"From: <eve@our.example>\r\n" + delivery.content,
                   b"Reply-To: <eve@eve.example>\r\n" + delivery.content, b"Subject: more\r\n" + delivery.content):
        assert verdicts(change, keys) == [False, False]


def test_our_own_fields_are_signed_over(world: World, keys: Keys) -> None:
    """Edits come first: what we add below the signature does not break it, and the mail of an alias keeps it."""
    postern = serve(world, keys)
    postern.reload({**INSIDE, "sign": {"keytable": "@keytable", "fields": "From, Subject, X-Odd"}, "authres": {"add": "yes"},
                    "log": {"target": "stderr"}})
    assert world.send(f"fred@{DOMAIN}", BOB, MESSAGES["plain"], ip=CLIENT).accepted
    [delivery] = world.sink.wait(1)
    assert delivery.header("Authentication-Results") and verdicts(delivery.content, keys) == [True, True]


def test_who_may_not(world: World, keys: Keys) -> None:
    """Strangers, logins that the key is not for, authors without a key."""
    postern = serve(world, keys, keys.table().replace(".pem\n", ".pem login=fred\n"))
    for options in ({"ip": "192.0.2.1"}, {"ip": CLIENT}, {"ip": "192.0.2.1", "login": "eve"}):
        assert world.send(f"fred@{DOMAIN}", BOB, MESSAGES["plain"], **options).accepted
    assert world.send(f"fred@{DOMAIN}", BOB, MESSAGES["plain"], ip="192.0.2.1", login="fred").accepted
    other = MESSAGES["plain"].replace(b"fred@our.example", b"fred@nokey.example")
    assert world.send(f"fred@{DOMAIN}", BOB, other, ip="192.0.2.1", login="fred").accepted
    world.mta.drain()
    assert sorted(signatures(d.content) for d in world.sink.wait(5)) == [0, 0, 0, 0, 2]
    log = postern.log()
    assert "not signed: no key for nokey.example" in log and "eve may not sign as our.example" in log


def test_a_new_key_and_an_open_one(world: World, keys: Keys) -> None:
    """A connection keeps the keys that it began with; a key that others can read is refused, and the old one stays."""
    postern = serve(world, keys)
    with world.session(CLIENT, "pc.our.example") as client:
        assert client.message(f"fred@{DOMAIN}", [BOB], MESSAGES["plain"]).accepted
        before = len(postern.lines())
        (postern.folder / "keytable").write_text(f"{DOMAIN} ed {keys.files['ed']}\n")
        wait_until(lambda: any(" in force" in line for line in postern.lines()[before:]), 10, "the table is read again")
        assert client.message(f"fred@{DOMAIN}", [BOB], MESSAGES["plain"]).accepted
    assert world.send(f"fred@{DOMAIN}", BOB, MESSAGES["plain"], ip=CLIENT).accepted
    world.mta.drain()
    # One MTA process keeps its milter connection as long as the client's.
    assert sorted(signatures(d.content) for d in world.sink.wait(3)) == [1, 2, 2]
    copy = postern.folder / "open.pem"
    shutil.copy(keys.files["ed"], copy)
    copy.chmod(0o644)
    postern.expect("config:.*secret that everybody can read", "the configuration before it stays")
    (postern.folder / "keytable").write_text(f"{DOMAIN} ed {copy}\n")
    wait_until(lambda: "holds a secret that everybody can read" in postern.log(), 10, "the log complains")
    assert world.send(f"fred@{DOMAIN}", BOB, MESSAGES["plain"], ip=CLIENT).accepted
    assert signatures(world.sink.wait(4)[-1].content) == 1


def test_sealed(world: World, keys: Keys) -> None:
    """E3: dkimpy validates the set that we put on incoming mail."""
    pytest.importorskip("authres")
    world.serve({**INSIDE, "spf": {"mode": "header"}, "arc": {"seal": "yes", "domain": DOMAIN, "selector": "rsa",
                                                             "key": str(keys.files["rsa"])}})
    for name in ("plain", "8 bit", "folded fields"):
        assert world.send("alice@good.example", BOB, MESSAGES[name]).accepted
    world.mta.drain()
    for delivery in world.sink.wait(3):
        status, _, why = dkim.arc_verify(delivery.content, dnsfunc=keys.txt)
        assert status == b"pass", (status, why, delivery.head)


def advice(postern, *arguments: str | Path) -> list[dict[str, str]]:
    done = subprocess.run([POSTERN, "doctor", "--json", "-c", postern.config, *arguments], capture_output=True, text=True, timeout=60)
    return [f for f in json.loads(done.stdout).get("findings", []) if f["severity"] != "note"]


def test_doctor_finds_keys_in_the_dns(world: World, keys: Keys) -> None:
    """K11: each key of the table against its public key; what should stand there is said."""
    for i, (selector, record) in enumerate((("rsa", keys.records[f"rsa._domainkey.{DOMAIN}."]),
                                            ("ed", keys.records[f"rsa._domainkey.{DOMAIN}."]))):
        domain = f"doctor-{i}-{world.mta.name}.example"
        world.names.add(txt_record(f"{selector}._domainkey.{domain}.", record))
    table = "".join(f"doctor-{i}-{world.mta.name}.example {s} {keys.files[s]}\n" for i, s in enumerate(("rsa", "ed")))
    postern = serve(world, keys, table + f"nowhere.example rsa {keys.files['rsa']}\n")
    found = [f for f in advice(postern) if f["check"] == "keys"]
    assert len(found) == 2, found
    assert "doctor-1-" in found[0]["text"] and found[0]["severity"] == "error"
    assert "nowhere.example" in found[1]["text"] and found[1]["change"].startswith("rsa._domainkey.nowhere.example. ")


def test_doctor_knows_who_recodes(world: World, keys: Keys) -> None:
    postern = serve(world, keys)
    if world.mta.name == "postfix":
        found = advice(postern, "--postfix", world.mta.folder / "etc")
        wanted = {"disable_mime_output_conversion = yes"}  # the test's Postfix has no limit of lines
    else:
        found = advice(postern, "--sendmail", world.mta.folder / "sendmail.cf")
        wanted = {"define(`SMTP_MAILER_FLAGS', `8')dnl", "define(`SMTP_MAILER_LL', `0')dnl"}
    signing = {f["change"] for f in found if "signature" in f["text"] and f["check"] != "keys"}
    assert signing == wanted, found
    # Who signs nothing is told nothing of it.
    world.stop_filters()
    postern = world.serve({})
    mta = ("--postfix", world.mta.folder / "etc") if world.mta.name == "postfix" else ("--sendmail", world.mta.folder / "sendmail.cf")
    assert not [f for f in advice(postern, *mta) if "signature" in f["text"]]
