"""E4, E3 and D10: whose mail is it? Forged authors, what their owners ask for, rules by recipient, and forwarders."""
import re
import time

import pytest
from cases import ALICE, BOB, CAROL
from harness.client import Outcome
from harness.filter import Postern, Settings
from harness.sink import Delivery
from harness.text import odd_messages
from harness.world import World

dkim = pytest.importorskip("dkim")
pytest.importorskip("nacl")
pytest.importorskip("authres")
from harness.keys import Keys  # noqa: E402  (these need them)
from verified import merged, properties, results, serve, words  # noqa: E402

BANK, LIST, HOP, STRANGER = "bank.example", "lists.example", "hop.example", "stranger.example"
ON = {"spf": {"mode": "on"}, "dmarc": {"mode": "on"}, "authres": {"add": "yes"}}
ARC = merged(ON, {"arc": {"verify": "yes", "trusted_sealers": f"{LIST}, {HOP}"}})
OBEY = "DMARC-Reject: REJECT\n"
ZONE = f"""\
_dmarc.{BANK}         TXT "v=DMARC1; p=reject"
_dmarc.shop.example   TXT "v=DMARC1; p=quarantine"
_dmarc.new.example    TXT "v=DMARC1; p=none"
_dmarc.try.example    TXT "v=DMARC1; p=reject; t=y"
_dmarc.tree.example   TXT "v=DMARC1; p=none; sp=reject; adkim=s"
_dmarc.away.example   ERROR TIMEOUT
{BANK}                TXT "v=spf1 ip4:192.0.2.77 -all"
{LIST}                TXT "v=spf1 ip4:192.0.2.1 -all"
"""
BOUNCES = f"bounces@{LIST}"
NO_QUARANTINE = r"warning: \[dmarc\] mode delivers what fails.* there is no \[policy\] quarantine_dir"
REASON = "nothing that passed is aligned with "


@pytest.fixture(scope="module")
def keys(tmp_path_factory) -> Keys:
    made = Keys(tmp_path_factory.mktemp("keys"), BANK)
    for domain in (LIST, HOP, STRANGER, "www.tree.example", "tree.example"):
        made.publish(domain)
    return made


def of(domain: str) -> bytes:
    return odd_messages(domain)["plain"]


def start(world: World, keys: Keys, settings: Settings = ON, access: str = "") -> Postern:
    postern = serve(world, keys, settings, access, ZONE)
    postern.expect(NO_QUARANTINE)
    return postern


def delivered(world: World, outcome: Outcome) -> Delivery:
    assert outcome.accepted, outcome
    world.mta.drain()
    [delivery] = world.sink.wait(1)
    world.sink.clear()
    return delivery


def refused(world: World, outcome: Outcome, pattern: str) -> None:
    assert re.search(pattern, str(outcome.data)), outcome
    world.mta.drain()
    assert world.sink.deliveries == []


# What the owner asks for.

POLICIES = {BANK: "p=reject", "shop.example": "p=quarantine", "new.example": "p=none", "try.example": "p=reject",
            "sub.tree.example": "p=reject", "tree.example": "p=none"}


def test_forged_without_a_rule(world: World, keys: Keys) -> None:
    """p=reject alone refuses nothing; the field says what was asked for, and that it was not done."""
    start(world, keys)
    for domain, policy in POLICIES.items():
        delivery = delivered(world, world.send(ALICE, BOB, of(domain)))
        [result] = results(delivery, "dmarc")
        assert (result.result, result.reason) == ("fail", REASON + domain), delivery.head
        assert properties(result)["header.from"] == domain
        assert f"({policy} dis=none)" in delivery.header("Authentication-Results")[0]
    assert words(delivered(world, world.send(ALICE, BOB, of("nopolicy.example"))), "dmarc") == ["none"]


def test_forged_by_rule(world: World, keys: Keys) -> None:
    """At the end of the message, with our words or the administrator's."""
    start(world, keys, access=OBEY + "DMARC-Fail:new.example ERROR:\"550 5.7.1 forged, says new.example\"\n"
                                     "DMARC-Quarantine: TEMPFAIL\n")
    refused(world, world.send(ALICE, BOB, of(BANK)), f"^550 5.7.26 DMARC: {REASON}{BANK}; its policy is reject$")
    refused(world, world.send(ALICE, BOB, of("sub.tree.example")), r"^550 5.7.26 .*its policy is reject$")
    refused(world, world.send(ALICE, BOB, of("new.example")), "^550 5.7.1 forged, says new.example$")
    for domain in ("shop.example", "try.example"):  # t=y: one step less
        refused(world, world.send(ALICE, BOB, of(domain)), f"^451 4.7.26 DMARC: {REASON}{domain}; its policy is quarantine$")
    assert words(delivered(world, world.send(ALICE, BOB, of("tree.example"))), "dmarc") == ["fail"]


def test_forged_is_quarantined(world: World, keys: Keys) -> None:
    postern = start(world, keys, merged(ON, {"policy": {"quarantine_dir": "@kept"}}))
    assert world.send(ALICE, BOB, of(BANK)).accepted
    world.mta.drain()
    assert world.sink.deliveries == []
    assert any(b"From: Fred <fred@bank.example>" in path.read_bytes() for path in (postern.folder / "kept").rglob("*") if path.is_file())


def test_proven(world: World, keys: Keys) -> None:
    """By an aligned signature or an aligned SPF pass; strict is strict."""
    start(world, keys, access="DMARC-Fail: REJECT\n")
    for content, sender, ip in ((keys.sign(of(BANK), "ed"), ALICE, "192.0.2.1"),
                                (keys.sign(of(BANK), "rsa", "simple/simple"), ALICE, "192.0.2.1"),
                                (keys.sign(keys.sign(of(BANK), "ed"), "rsa", domain=STRANGER), ALICE, "192.0.2.1"),
                                (of(BANK), f"x@{BANK}", "192.0.2.77")):
        assert words(delivered(world, world.send(sender, BOB, content, ip=ip)), "dmarc") == ["pass"]
    strict = keys.sign(of("tree.example"), "ed", domain="www.tree.example")
    refused(world, world.send(ALICE, BOB, strict), f"^550 5.7.26 DMARC: {REASON}tree.example")
    other = keys.sign(of(BANK), "ed", domain=STRANGER)
    refused(world, world.send(ALICE, BOB, other), f"^550 5.7.26 DMARC: {REASON}{BANK}")
    changed = keys.sign(of(BANK), "ed").replace(b"Hello", b"Hullo")
    refused(world, world.send(ALICE, BOB, changed), f"^550 5.7.26 DMARC: {REASON}{BANK}")


def test_several_authors(world: World, keys: Keys) -> None:
    """From that protects nobody is a finding of its own, however it is written."""
    start(world, keys, access="DMARC-Author: REJECT\n")
    for name, value in (("From", f"a@{BANK}, b@new.example"), ("From", "nobody"), ("From", "undisclosed:;"), ("From", ""),
                        ("X-From", "x"), ("From", f"<a@{BANK}>\r\nFrom: <b@new.example>")):
        content = of(BANK).replace(f"From: Fred <fred@{BANK}>".encode(), f"{name}: {value}".encode())
        outcome = world.send(ALICE, BOB, content)
        assert str(outcome.data).startswith("550 5.7.1 DMARC: "), (value, outcome)


@pytest.mark.parametrize("rule, code", [(OBEY, 451), ("", 250), (OBEY + "DMARC-TempError: OK\n", 250),
                                        (OBEY + "DMARC-TempError:away.example REJECT\n", 550)],
                         ids=["by default", "it would change nothing", "let through", "refused"])
def test_no_policy_now(world: World, keys: Keys, rule: str, code: int) -> None:
    """Put off where the answer of the DNS could change ours."""
    start(world, keys, access=rule)
    outcome = world.send(ALICE, BOB, of("away.example"))
    assert outcome.data.code == code, outcome
    if code == 451:
        assert re.search("^451 4.7.5 DMARC of away.example cannot be checked now: ", str(outcome.data)), outcome
    if code == 250:
        assert words(delivered(world, outcome), "dmarc") == ["temperror"]


def test_no_key_now(world: World, keys: Keys) -> None:
    """Only where the signature could have spoken for the author: a forger's own dead name server spares him nothing."""
    start(world, keys, access=OBEY)
    world.names.add(f"dead._domainkey.{BANK}. ERROR TIMEOUT\ndead._domainkey.{STRANGER}. ERROR TIMEOUT\n")
    refused(world, world.send(ALICE, BOB, keys.sign_oddly(of(BANK), {"s": "dead"})), f"^451 4.7.5 DMARC of {BANK} cannot be checked now: ")
    refused(world, world.send(ALICE, BOB, keys.sign_oddly(of(BANK), {"s": "dead", "d": STRANGER})), f"^550 5.7.26 DMARC: {REASON}{BANK}")
    both = keys.sign(keys.sign_oddly(of(BANK), {"s": "dead"}), "rsa")
    assert words(delivered(world, world.send(ALICE, BOB, both)), "dmarc") == ["pass"]


# Recipients who differ.

DIFFER = f"To-DMARC-Reject:{BOB} REJECT\nTo-DMARC-Reject:{CAROL} OK\n"


def test_recipients_come_apart(world: World, keys: Keys) -> None:
    """mixed = defer: the other comes in a transaction of its own, and each gets his own answer."""
    start(world, keys, access=DIFFER)
    with world.session() as client:
        first = client.message(ALICE, [BOB, CAROL], of(BANK))
        assert first.rcpts[CAROL].code == 452, first
        refused(world, first, "^550 5.7.26 DMARC")
        delivery = delivered(world, client.message(ALICE, [CAROL], of(BANK)))
    assert delivery.recipients == (CAROL,) and words(delivery, "dmarc") == ["fail"]


def test_recipients_are_taken_off(world: World, keys: Keys) -> None:
    """mixed = separate: who refuses it is taken off, and a copy is kept for him."""
    postern = start(world, keys, merged(ON, {"policy": {"mixed": "separate", "quarantine_dir": "@kept"}}), DIFFER)
    delivery = delivered(world, world.send(ALICE, [BOB, CAROL], of(BANK)))
    assert delivery.recipients == (CAROL,) and words(delivery, "dmarc") == ["fail"]
    assert re.search(f"REJECT: <{BOB}> DMARC: {REASON}{BANK}", postern.log())
    proven = delivered(world, world.send(ALICE, [BOB, CAROL], keys.sign(of(BANK), "ed")))
    assert sorted(proven.recipients) == [BOB, CAROL]


# Forwarders and lists.

def through_list(content: bytes, domain: str = LIST) -> bytes:
    """A mailing list: a footer, and its name in Subject."""
    return content.replace(b"Subject: ", b"Subject: [list] ") + f"--\r\nTo leave: mailto:leave@{domain}\r\n".encode()


def saw(sealer: str, *words_of_it: str) -> str:
    return "; ".join((f"mx.{sealer}", *words_of_it))


GOOD = (f"dkim=pass header.d={BANK}", f"dmarc=pass header.from={BANK}")


def test_plain_forwarding(world: World, keys: Keys) -> None:
    """SPF of the author's domain fails at a forwarder's host; the signature that holds settles it (D10). Without one nothing does."""
    start(world, keys)
    sender = f"fred@{BANK}"
    delivery = delivered(world, world.send(sender, BOB, keys.sign(of(BANK), "rsa")))
    assert words(delivery, "spf") == ["fail"] and words(delivery, "dmarc") == ["pass"]
    refused(world, world.send(sender, BOB, of(BANK)), "^550 5.7.23 SPF fail")
    refused(world, world.send(sender, BOB, through_list(keys.sign(of(BANK), "rsa"))), "^550 5.7.23 SPF fail")


def test_through_a_trusted_list(world: World, keys: Keys) -> None:
    """The signature is broken, SPF is the list's, DMARC fails: its seal says that all was well. We seal nothing away: the next hop sees
    the chain as it was."""
    start(world, keys, ARC, OBEY)
    signed = keys.sign(of(BANK), "rsa")
    refused(world, world.send(BOUNCES, BOB, through_list(signed)), f"^550 5.7.26 DMARC: {REASON}{BANK}")
    delivery = delivered(world, world.send(BOUNCES, BOB, keys.seal(through_list(signed), saw(LIST, "arc=none", *GOOD), LIST)))
    assert words(delivery, "spf") == ["pass"] and words(delivery, "dkim") == ["fail"] and words(delivery, "dmarc") == ["fail"]
    [arc] = results(delivery, "arc")
    assert arc.result == "pass" and properties(arc)["smtp.remote-ip"] == "192.0.2.1"
    assert dkim.arc_verify(delivery.content, dnsfunc=keys.txt)[0] == b"pass"


def test_who_is_believed(world: World, keys: Keys) -> None:
    """A hop, if it and all after it are trusted, about this author."""
    start(world, keys, ARC, OBEY)
    content = through_list(keys.sign(of(BANK), "rsa"))
    none, passed = "arc=none", "arc=pass"

    def sealed(*hops: tuple[str, tuple[str, ...]]) -> bytes:
        text = content
        for i, (domain, said) in enumerate(hops):
            text = keys.seal(text, saw(domain, passed if i else none, *said), domain)
        return text

    nothing = ("spf=none",)
    good = {
        "a trusted hop after the list": ((LIST, GOOD), (HOP, nothing)),
        "the newest says it itself": ((STRANGER, nothing), (HOP, GOOD)),
        "SPF alone": ((LIST, (f"spf=pass smtp.mailfrom=fred@{BANK}",)),),
    }
    bad = {
        "a stranger": ((STRANGER, GOOD),),
        "a stranger after the list": ((LIST, GOOD), (STRANGER, nothing)),
        "a stranger before the list": ((STRANGER, GOOD), (LIST, nothing)),
        "another author": ((LIST, ("dmarc=pass header.from=new.example", "dkim=pass header.d=new.example")),),
        "it failed there": ((LIST, (f"dmarc=fail header.from={BANK}", f"dkim=fail header.d={BANK}")),),
    }
    for name, hops in good.items():
        delivery = delivered(world, world.send(BOUNCES, BOB, sealed(*hops)))
        assert words(delivery, "arc") == ["pass"] and words(delivery, "dmarc") == ["fail"], name
    for name, hops in bad.items():
        outcome = world.send(BOUNCES, BOB, sealed(*hops))
        assert str(outcome.data).startswith("550 5.7.26"), (name, outcome)


def field(name: str, content: bytes, instance: int) -> bytes:
    """The whole field of that set."""
    found = re.search(rb"^ARC-" + name.encode() + rb":(?=[^\0]*?i=%d;)(?:.*\r\n)(?:[ \t].*\r\n)*" % instance, content, re.M)
    assert found, (name, content)
    return found.group()


def test_broken_chains(world: World, keys: Keys) -> None:
    """arc=fail with a reason, and nobody is believed; a chain without end is no crash, and costs no questions."""
    start(world, keys, ARC)
    content = keys.seal(through_list(keys.sign(of(BANK), "rsa")), saw(LIST, "arc=none", *GOOD), LIST)
    chain = keys.seal(content, saw(HOP, "arc=pass", "spf=none"), HOP)
    aar, ams, seal = (field(name, content, 1) for name in ("Authentication-Results", "Message-Signature", "Seal"))

    def instance(old: bytes, new: bytes) -> bytes:
        """The newest seal's number."""
        return content.replace(seal, re.sub(rb"i=" + old + rb"\b", b"i=" + new, seal, count=1))

    table = {
        "the body": (chain.replace(b"Hello", b"Hullo"), "^ARC-Message-Signature 2: the body is not the one"),
        "a signed field": (chain.replace(b"[list]", b"[tsil]"), "^ARC-Message-Signature 2: the signature does not fit"),
        "what the list said": (chain.replace(b"dmarc=pass", b"dmarc=none"), "^ARC-Seal 1: the signature does not fit"),
        "no seal": (content.replace(seal, b""), "^the set of instance 1 is not complete"),
        "no message signature": (content.replace(ams, b""), "^the set of instance 1 is not complete"),
        "no results": (content.replace(aar, b""), "^the set of instance 1 is not complete"),
        "a gap": (chain.replace(seal, b"").replace(ams, b"").replace(aar, b""), "^the set of instance 1 is not complete"),
        "two seals": (seal + content, "^there are two ARC-Seal of instance 1"),
        "two results": (aar + content, "^there are two ARC-Authentication-Results of instance 1"),
        "instance 0": (instance(b"1", b"0"), "^an ARC-Seal has no instance"),
        "instance 51": (instance(b"1", b"51"), "^an ARC-Seal has no instance"),
        "instance 2^32+1": (instance(b"1", b"4294967297"), "^an ARC-Seal has no instance"),
        "instance one": (instance(b"1", b"one"), "^an ARC-Seal has no instance"),
        "cv=fail": (content.replace(seal, seal.replace(b"cv=none", b"cv=fail")), "^ARC-Seal 1: the status in it is wrong"),
        "cv=pass first": (content.replace(seal, seal.replace(b"cv=none", b"cv=pass")), "^ARC-Seal 1: the status in it is wrong"),
        "h= in a seal": (content.replace(seal, seal.replace(b"cv=", b"h=from; cv=")), "^ARC-Seal 1: h= in an ARC-Seal"),
        "no key": (content.replace(seal, seal.replace(b"s=rsa", b"s=gone")), "^ARC-Seal 1: there is no key record"),
        "a seal of 60 KB": (content.replace(seal, seal.replace(b"cv=", b"zz=" + b"\r\n\t".join([b"x" * 900] * 66) + b"; cv=")),
                            "^ARC-Seal 1: the signature does not fit"),
        "garbage": (b"ARC-Seal: \xff\x01%n;;==\r\nARC-Message-Signature:\r\nARC-Authentication-Results: (((\r\n" + content,
                    "has no instance"),
        "hundreds of sets": ((aar + ams + seal) * 500 + content, "^there are two"),
    }
    bad = {}
    for name, (text, reason) in table.items():
        [result] = results(delivered(world, world.send(BOUNCES, BOB, text)), "arc")
        if result.result != "fail" or not re.search(reason, result.reason or ""):
            bad[name] = (result.result, result.reason)
    assert not bad, bad
    assert words(delivered(world, world.send(BOUNCES, BOB, chain)), "arc") == ["pass"]


def test_the_longest_chain(world: World, keys: Keys) -> None:
    """Fifty sets whose keys never come: asked for at once, and no more often than they differ."""
    domain = f"long-{world.mta.name}.example"
    settings = merged(ARC, {"arc": {"trusted_sealers": f"*.{domain}"}})
    postern = serve(world, keys, settings, zone=ZONE + f"*._domainkey.{domain}. ERROR TIMEOUT\n")
    postern.expect(NO_QUARANTINE)
    content = keys.seal(of(BANK), saw(LIST, "arc=none", *GOOD), LIST)
    aar, ams, seal = (field(name, content, 1).decode() for name in ("Authentication-Results", "Message-Signature", "Seal"))

    def numbered(text: str, i: int) -> str:
        text = re.sub(r"i=1\b", f"i={i}", text, count=1)
        return text.replace("s=rsa", f"s=s{i}").replace(f"d={LIST}", f"d={domain}").replace("cv=none", "cv=none" if i == 1 else "cv=pass")

    sets = "".join(numbered(text, i) for i in range(50, 0, -1) for text in (seal, ams, aar))
    before, started = len(world.names.questions()), time.monotonic()
    delivery = delivered(world, world.send(BOUNCES, BOB, sets.encode() + of(BANK)))
    assert time.monotonic() - started < 10
    assert words(delivery, "arc") == ["fail"]
    names = {q.split()[0] for q in world.names.questions()[before:] if "_domainkey" in q}
    assert len(names) == 50, names


def test_fifty_hops(world: World, keys: Keys) -> None:
    """As many as there may be: it holds, the first of them is believed, and we add no other."""
    settings = merged(ARC, {"arc": {"seal": "yes", "domain": HOP, "selector": "rsa", "key": str(keys.files["rsa"])}})
    postern = start(world, keys, settings, OBEY)
    content = through_list(keys.sign(of(BANK), "rsa"))
    for i in range(50):
        content = keys.seal(content, saw(f"{i}.{LIST}", "arc=pass" if i else "arc=none", *(() if i else GOOD)), LIST)
    delivery = delivered(world, world.send(BOUNCES, BOB, content))
    assert words(delivery, "arc") == ["pass"] and words(delivery, "dmarc") == ["fail"]
    assert delivery.head.count(b"\nARC-Seal:") == 50, postern.log()


def test_our_seal_on_a_chain(world: World, keys: Keys) -> None:
    """What we add to another's chain dkimpy verifies at the next hop; to one that does not hold we add that it does not."""
    settings = merged(ARC, {"arc": {"seal": "yes", "domain": STRANGER, "selector": "rsa", "key": str(keys.files["rsa"])}})
    start(world, keys, settings)
    content = keys.seal(through_list(keys.sign(of(BANK), "rsa")), saw(LIST, "arc=none", *GOOD), LIST)
    delivery = delivered(world, world.send(BOUNCES, BOB, content))
    status, sets, why = dkim.arc_verify(delivery.content, dnsfunc=keys.txt)
    assert status == b"pass" and len(sets) == 2, (status, why, delivery.head)
    assert delivery.head.startswith(b"ARC-Seal: i=2;")
    broken = delivered(world, world.send(BOUNCES, BOB, content.replace(b"Hello", b"Hullo")))
    assert b"cv=fail" in field("Seal", broken.head, 2)
    assert dkim.arc_verify(broken.content, dnsfunc=keys.txt)[0] != b"pass"
