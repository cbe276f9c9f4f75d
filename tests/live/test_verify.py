"""E1. Signatures that come in through an MTA: what is good passes, what was changed does not, and all is as good at the next hop."""
import re
import time

import pytest
from cases import ALICE, BOB, CAROL
from harness.sink import Delivery
from harness.text import odd_messages
from harness.world import World

dkim = pytest.importorskip("dkim")
pytest.importorskip("nacl")
pytest.importorskip("authres")
from harness.keys import Keys, txt_record  # noqa: E402  (these need them)
from verified import AUTHOR, DKIM, RESULTS, merged, properties, results, serve, words  # noqa: E402

MESSAGES = odd_messages(AUTHOR)
CANONS = ("relaxed/relaxed", "simple/simple", "simple/relaxed", "relaxed/simple")


@pytest.fixture(scope="module")
def keys(tmp_path_factory) -> Keys:
    return Keys(tmp_path_factory.mktemp("keys"), AUTHOR)


def sign_both(keys: Keys, content: bytes, canon: str) -> bytes:
    return keys.sign(keys.sign(content, "rsa", canon), "ed", canon)


def send_all(world: World, contents: list[bytes]) -> list[Delivery]:
    """Over one connection; in the order in which they reach the sink."""
    with world.session() as client:
        for content in contents:
            assert client.message(ALICE, [BOB, CAROL], content).accepted
    world.mta.drain()
    return world.sink.wait(len(contents))


def send(world: World, content: bytes) -> Delivery:
    [delivery] = send_all(world, [content])
    world.sink.clear()
    return delivery


def verified_at_next_hop(delivery: Delivery, keys: Keys) -> list[bool]:
    return [dkim.DKIM(delivery.content).verify(idx=i, dnsfunc=keys.txt) for i in range(2)]


@pytest.mark.parametrize("canon", CANONS)
def test_what_others_signed_passes(world: World, keys: Keys, canon: str) -> None:
    """Both kinds of key; with our fields on top dkimpy still verifies what goes on."""
    serve(world, keys, merged(DKIM, {"spf": {"mode": "header"}}))
    bad = []
    for delivery in send_all(world, [sign_both(keys, m, canon) for m in MESSAGES.values()]):
        got = [(r.result, properties(r)["header.s"], properties(r)["header.d"]) for r in results(delivery, "dkim")]
        if got != [("pass", "ed", AUTHOR), ("pass", "rsa", AUTHOR)] or verified_at_next_hop(delivery, keys) != [True, True]:
            bad.append((got, delivery.head.decode(errors="replace")))
        assert delivery.header("Received-SPF")[0].startswith("pass ")
    assert not bad, "\n".join(f"{r}\n{h}" for r, h in bad)


OTHERWISE = ("no blank after the colon", "a blank and a fold after the colon", "empty fields")


@pytest.mark.parametrize("canon", ("relaxed/relaxed", "simple/simple"))
def test_without_leading_blanks(world: World, keys: Keys, canon: str) -> None:
    """An MTA that keeps the blank after the colon to itself: we take it that there was one before a word, and none before a fold or
    nothing at all. The simple form tells where that was otherwise."""
    if world.mta.name != "postfix":
        pytest.skip("only Postfix can be told")
    with world.mta.speaking_protocol(4):
        serve(world, keys, DKIM)
        for name, content in MESSAGES.items():
            wanted = "fail" if canon == "simple/simple" and name in OTHERWISE else "pass"
            delivery = send(world, sign_both(keys, content, canon))
            assert words(delivery, "dkim") == [wanted] * 2, (name, delivery.head)
            assert verified_at_next_hop(delivery, keys) == [True, True], name
        world.stop_filters()


# What is changed on the way → the reasons of the fail, in the relaxed and in the simple form; None: it still passes there.
BODY, HEADER = "the body is not the one that was signed", "the signature does not fit the header"
CHANGES = {
    "a letter of the body": (b"Hello", b"hello", BODY, BODY),
    "a line at the end": (b"Hello.\r\n", b"Hello.\r\nP.S.\r\n", BODY, BODY),
    "empty lines at the end": (b"Hello.\r\n", b"Hello.\r\n\r\n\r\n", None, None),
    "a blank at the end of a line": (b"Hello.\r\n", b"Hello. \r\n", None, BODY),
    "a letter of a signed field": (b"Subject: test", b"Subject: Test", HEADER, HEADER),
    "a blank in a signed field": (b"Subject: test", b"Subject:  test ", None, HEADER),
    "the name of a field in capitals": (b"Subject: test", b"SUBJECT: test", None, HEADER),
    "another From on top": (b"From: Fred", b"From: Eve <eve@eve.example>\r\nFrom: Fred", HEADER, HEADER),
    "a field that was not signed": (b"Subject: test", b"Comments: new\r\nSubject: test", None, None),
    "Subject taken away": (b"Subject: test\r\n", b"", HEADER, HEADER),
}


@pytest.mark.parametrize("canon", ("relaxed", "simple"))
def test_what_was_changed_fails(world: World, keys: Keys, canon: str) -> None:
    """With the reason; and nothing that is allowed is called a change."""
    serve(world, keys, DKIM)
    signed = sign_both(keys, MESSAGES["plain"], f"{canon}/{canon}")
    for name, (old, new, relaxed, simple) in CHANGES.items():
        reason = relaxed if canon == "relaxed" else simple
        assert old in signed
        delivery = send(world, signed.replace(old, new, 1))
        got = [(r.result, r.reason) for r in results(delivery, "dkim")]
        assert got == [("fail", reason) if reason else ("pass", None)] * 2, (name, got)


def test_only_one_of_two_fits(world: World, keys: Keys) -> None:
    """A list that signs anew what it changed: its own signature counts."""
    keys.publish("lists.example")
    serve(world, keys, DKIM, "DKIM-Fail: REJECT\n")
    changed = keys.sign(MESSAGES["plain"], "rsa").replace(b"Subject: test", b"Subject: [list] test")
    delivery = send(world, keys.sign(changed, "ed", domain="lists.example"))
    assert [(r.result, properties(r)["header.d"]) for r in results(delivery, "dkim")] == [("pass", "lists.example"), ("fail", AUTHOR)]
    outcome = world.send(ALICE, BOB, changed)
    assert re.search(f"550 5.7.20 the DKIM signature of {AUTHOR} does not count: {HEADER}", str(outcome.data)), outcome


def test_forged_results_do_not_help(world: World, keys: Keys) -> None:
    """A field that says pass in our name goes; the signature over it is still looked at as it came."""
    serve(world, keys, DKIM)
    forged = RESULTS + b" dkim=pass header.d=bank.example\r\n" + MESSAGES["plain"]
    delivery = send(world, forged)
    assert words(delivery, "dkim") == ["none"] and b"bank.example" not in delivery.head
    signed = keys.sign_oddly(forged, {}, names="from:subject:authentication-results")
    assert words(send(world, signed), "dkim") == ["pass"]


def test_a_key_that_goes(world: World, keys: Keys) -> None:
    """Between two messages of one connection: known for as long as its time to live, and not longer."""
    domain = f"going-{world.mta.name}.example"
    content = keys.sign(MESSAGES["plain"], "ed", domain=domain)
    world.names.instead(txt_record(f"ed._domainkey.{domain}.", keys.public["ed"], ttl=2))
    world.serve(DKIM)
    got = []
    with world.session() as client:
        for wait in (0, 0, 3.1):  # libunbound counts in whole seconds
            time.sleep(wait)
            assert client.message(ALICE, [BOB], content).accepted
            got += [(r.result, r.reason) for r in results(world.sink.wait(1)[0], "dkim")]
            world.sink.clear()
            world.names.instead("")
    assert got == [("pass", None), ("pass", None), ("permerror", "there is no key record")]


@pytest.mark.parametrize("word, rule, code", [("TIMEOUT", "TEMPFAIL", 451), ("SERVFAIL", "TEMPFAIL", 451), ("GARBAGE", "REJECT", 550),
                                              ("TIMEOUT", "OK", 250), ("TRUNCATE", "TEMPFAIL", 250), ("SLOW 300", "REJECT", 250)])
def test_dns_in_trouble(world: World, keys: Keys, word: str, rule: str, code: int) -> None:
    """The verb of DKIM-TempError, and our words; a slow answer, or one over TCP, is as good as any."""
    domain = f"{word.lower().replace(' ', '-')}-{rule.lower()}-{world.mta.name}.example"
    record = txt_record(f"ed._domainkey.{domain}.", keys.public["ed"]) if code == 250 and rule != "OK" else ""
    serve(world, keys, DKIM, f"DKIM-TempError: {rule}\nDKIM-Fail: DENY\n", f"{record}ed._domainkey.{domain}. ERROR {word}\n")
    started = time.monotonic()
    outcome = world.send(ALICE, BOB, keys.sign(MESSAGES["plain"], "ed", domain=domain))
    assert time.monotonic() - started < 15
    assert outcome.data.code == code, outcome
    if code == 250:
        [delivery] = world.sink.wait(1)
        assert words(delivery, "dkim") == ["pass" if record else "temperror"]
    else:
        assert f"the DKIM signature of {domain} cannot be checked now" in str(outcome.data)
