"""H1–H3. Senders that are rewritten and signed, their bounces, and everybody else's tags."""
import re
from itertools import count
from pathlib import Path
from typing import Iterator

import pytest

from cases import ALICE, BOB
from harness.mta import NEW_HOME, Mta
from harness.sendmail import PYSRS
from harness.text import message
from harness.world import MTAS, World

SECRET = "a secret of ours\n"
OURS = {"connection": {"internal_connect": "203.0.113.0/24"},
        "sender": {"internal_domains": "here.example, local.example, alias.example"}}
BOSS = "boss@local.example"
INSIDE = {"ip": "203.0.113.1", "helo": "pc1.here.example"}
_folders = count()


def settings(world: World, srs: dict[str, str], **others: dict[str, str]) -> dict[str, dict[str, str]]:
    path = world.folder / "srs.secret"
    path.write_text(SECRET)
    path.chmod(0o600)
    return {**OURS, "srs": {"secret_file": str(path), "forward_domain": "srs.here.example", **srs}, **others}


def sent(world: World, mta: Mta, sender: str, recipient: str, subject: str, **client: str):
    """The one message that comes out for the one that goes in."""
    world.sink.clear()
    with mta.session(client.get("ip", "192.0.2.1"), client.get("helo", "mail.good.example")) as session:
        outcome = session.message(sender, [recipient], message(subject))
        session.quit()
    assert outcome.accepted, outcome
    mta.drain()
    [delivery] = world.sink.wait(1)
    return delivery


# --- by the MTA's own maps ---

@pytest.fixture
def maps(world: World) -> Path:
    return world.folder / "maps.sock"


def second_mta(world: World, maps: Path, **options) -> Iterator[Mta]:
    """With the maps; it shares the milter, the names and the sink with the first."""
    mta = MTAS[world.mta.name](world.folder / f"mapped-{next(_folders)}", world.milter, world.sink.port, maps=maps, **options)
    mta.start()
    try:
        yield mta
    finally:
        mta.stop()


@pytest.fixture
def mapped(world: World, maps: Path) -> Iterator[Mta]:
    yield from second_mta(world, maps, **({"dns_port": world.names.port} if world.mta.name == "postfix" else {}))


@pytest.fixture
def pysrs(world: World, maps: Path) -> Iterator[Mta]:
    """Sendmail with pysrs.m4 as pysrs brings it along."""
    if world.mta.name != "sendmail":
        pytest.skip("pysrs.m4 is for Sendmail")
    if not PYSRS.exists():
        pytest.skip("pysrs.m4 is not unpacked (scripts/setup sendmail)")
    yield from second_mta(world, maps, pysrs=True)


def test_alias(world: World, mapped: Mta, maps: Path) -> None:
    """What an alias sends on comes out with a sender of ours, and its bounce goes back to the one it had (H3)."""
    world.serve(settings(world, {"socketmap": f"unix:{maps}"}))
    forwarded = sent(world, mapped, ALICE, "old@alias.example", "forwarded")
    assert forwarded.recipients == (NEW_HOME,)
    assert re.fullmatch(r"SRS0=[^=]{4}=[A-Z2-7]{2}=good\.example=alice@srs\.here\.example", forwarded.sender), forwarded
    bounce = sent(world, mapped, "", forwarded.sender, "bounce")
    assert (bounce.sender, bounce.recipients) == ("", (ALICE,))


def test_alias_of_tagged(world: World, mapped: Mta, maps: Path) -> None:
    """A sender with a tag or a rewritten one comes back as it was; others' bounces pass through untouched."""
    world.serve(settings(world, {"socketmap": f"unix:{maps}"}))
    for sender in ("prvs=0465a1b2c3=alice@good.example", "SRS0=abcd=7K=first.example=joe@good.example"):
        forwarded = sent(world, mapped, sender, "old@alias.example", "tagged")
        assert forwarded.sender.endswith("@srs.here.example")
        back = sent(world, mapped, "", forwarded.sender, "bounce").recipients
        # Sendmail folds the keys of a map that does not say -f, and pysrs.m4 does not.
        folded = str.lower if world.mta.name == "sendmail" else str
        assert [folded(b) for b in back] == [folded(sender)]
    for recipient in ("SRS0=abcd=7K=first.example=joe@other.example", "SRS0=abcd=7K=first.example=joe@srs.here.example"):
        assert sent(world, mapped, "", recipient, "not ours").recipients == (recipient,)


def test_signed_by_map(world: World, mapped: Mta, maps: Path) -> None:
    """Sendmail's map is asked for what goes out only, and signs our senders; Postfix's for all mail, and leaves them alone."""
    world.serve(settings(world, {"socketmap": f"unix:{maps}", "sign_batv": "local.example"}))
    delivery = sent(world, mapped, BOSS, NEW_HOME, "signed", **INSIDE)
    if world.mta.name == "postfix":
        assert delivery.sender == BOSS
    else:
        assert re.fullmatch(r"prvs=0\d{3}[0-9a-f]{6}=boss@local\.example", delivery.sender), delivery
        assert sent(world, mapped, "", delivery.sender, "bounce").recipients == (BOSS,)


def test_exempt_host(world: World, mapped: Mta, maps: Path) -> None:
    """nosrs: the next hop is one that wants senders as they are. Postfix's maps do not know where mail goes."""
    if world.mta.name == "postfix":
        pytest.skip("Postfix does not tell its maps the next hop")
    world.serve(settings(world, {"socketmap": f"unix:{maps}", "exempt": "[127.0.0.1]"}))
    assert sent(world, mapped, ALICE, "old@alias.example", "exempt").sender == ALICE


def test_pysrs_m4(world: World, pysrs: Mta, maps: Path) -> None:
    """The file that users of pysrs have works as it is: mail of an alias, its bounce, our own senders in SRS and SES form, and
    what is not ours (H3)."""
    world.serve(settings(world, {"socketmap": f"unix:{maps}", "sign_srs": "local.example", "sign_ses": "here.example"}))
    forwarded = sent(world, pysrs, ALICE, "old@alias.example", "forwarded")
    assert forwarded.recipients == (NEW_HOME,)
    assert re.fullmatch(r"SRS0=[^=]{4}=[A-Z2-7]{2}=good\.example=alice@srs\.here\.example", forwarded.sender), forwarded
    assert sent(world, pysrs, "", forwarded.sender, "bounce").recipients == (ALICE,)
    for sender, form in ((BOSS, r"SRS0=[^=]{4}=[A-Z2-7]{2}==boss@local\.example"), ("fred@here.example", r"SES=[^=]+=fred@here\.example")):
        signed = sent(world, pysrs, sender, NEW_HOME, "signed", **INSIDE)
        assert re.fullmatch(form, signed.sender), signed
        assert sent(world, pysrs, "", signed.sender, "bounce").recipients == (sender,)
    stranger = "SRS0=abcd=7K=first.example=joe@other.example"
    assert sent(world, pysrs, "", stranger, "not ours").recipients == (stranger,)


def test_pysrs_m4_exempt(world: World, pysrs: Mta, maps: Path) -> None:
    """nosrs: it tells the next hop."""
    world.serve(settings(world, {"socketmap": f"unix:{maps}", "exempt": "[127.0.0.1]"}))
    assert sent(world, pysrs, ALICE, "old@alias.example", "exempt").sender == ALICE


def test_maps_after_reload(world: World, mapped: Mta, maps: Path) -> None:
    """A new configuration is in force on connections that are open."""
    postern = world.serve(settings(world, {"socketmap": f"unix:{maps}"}))
    assert sent(world, mapped, ALICE, "old@alias.example", "before").sender.endswith("@srs.here.example")
    postern.reload(settings(world, {"socketmap": f"unix:{maps}", "forward_domain": "new.here.example"}))
    assert sent(world, mapped, ALICE, "old@alias.example", "after").sender.endswith("@new.here.example")


# --- by the milter ---

SIGNING = {"sign_batv": "local.example", "rewrite": "all"}
BOUNCES = {"bounces": {"check": "yes", "require_signature": "yes"}}


def test_signed_by_milter(world: World) -> None:
    """Our sender goes out signed, the bounce comes back to him, and its content is not judged (H2)."""
    world.serve(settings(world, SIGNING, **BOUNCES))
    delivery = sent(world, world.mta, BOSS, NEW_HOME, "signed", **INSIDE)
    assert re.fullmatch(r"prvs=0\d{3}[0-9a-f]{6}=boss@local\.example", delivery.sender), delivery
    bounce = sent(world, world.mta, "", delivery.sender, "bounce")
    assert (bounce.sender, bounce.recipients) == ("", (BOSS,))


def test_forwarded_by_milter(world: World) -> None:
    """Mail that is passed on has a sender of ours when all its recipients are outside; mail for us keeps its own."""
    world.serve(settings(world, {"rewrite": "forwarded"}, bounces={"check": "yes"}))
    forwarded = sent(world, world.mta, ALICE, NEW_HOME, "forwarded")
    assert re.fullmatch(r"SRS0=[^=]{4}=[A-Z2-7]{2}=good\.example=alice@srs\.here\.example", forwarded.sender), forwarded
    assert sent(world, world.mta, "", forwarded.sender, "bounce").recipients == (ALICE,)
    assert sent(world, world.mta, ALICE, BOB, "for us").sender == ALICE


def test_forged_bounce(world: World) -> None:
    """Nobody here sent what it answers: refused, but only once there is a message (H2)."""
    postern = world.serve(settings(world, SIGNING, **BOUNCES))
    for recipient, why in ((BOSS, "did not send"), (f"prvs=0465a1b2c3={BOSS}", "signature is forged")):
        outcome = world.send("", recipient, message("forged"))
        assert outcome.rcpts[recipient].code == 250, outcome
        assert outcome.data is not None and outcome.data.code == 550 and why in str(outcome.data), outcome
    world.mta.drain()
    assert world.sink.deliveries == []
    assert "Bounce-Forged" in postern.log()


def test_callback(world: World) -> None:
    """Who only asks whether our user exists hears that he does (H2)."""
    world.serve(settings(world, SIGNING, **BOUNCES))
    with world.session() as client:
        assert client.mail("").code == 250
        assert client.rcpt(BOSS).code == 250
        client.quit()


def test_bounce_to_several(world: World) -> None:
    world.serve(settings(world, SIGNING, **BOUNCES))
    outcome = world.send("", [BOB, "carol@here.example"], message("several"))
    assert outcome.data is not None and outcome.data.code == 550 and "2 recipients" in str(outcome.data), outcome


def test_unsigned_from_trusted_domain(world: World) -> None:
    world.serve(settings(world, SIGNING,
                         bounces={**BOUNCES["bounces"], "unsigned_ok": "*.good.example"}))
    assert sent(world, world.mta, "", BOSS, "careless").recipients == (BOSS,)


REPORT = """\
From: <MAILER-DAEMON@remote.example>\r
To: <alice@good.example>\r
Subject: Undelivered\r
Date: Mon, 23 Nov 2026 12:00:00 +0000\r
Message-ID: <report.1@remote.example>\r
MIME-Version: 1.0\r
Content-Type: multipart/report; report-type=delivery-status; boundary=b\r
\r
--b\r
Content-Type: message/delivery-status\r
\r
Reporting-MTA: dns; remote.example\r
\r
Final-Recipient: rfc822; joe@remote.example\r
Action: %s\r
Status: 5.7.1\r
--b\r
Content-Type: message/rfc822\r
\r
%s\r
--b--\r
"""


def test_bounce_proves_the_source(world: World, tmp_path: Path) -> None:
    """Mail that we passed on comes back with our mark, by whatever the MTAs made of the field on the way: its sender is
    blacklisted (C13)."""
    postern = world.serve(settings(world, {"rewrite": "forwarded"}, bounces={"check": "yes", "blacklist": "30d"}, spf={"mode": "on"},
                                   store={"path": str(tmp_path / "store.db")}))
    forwarded = sent(world, world.mta, ALICE, NEW_HOME, "forwarded")
    assert " x-sig=" in forwarded.header("Received-SPF")[0]
    for action in ("delayed", "failed"):
        assert world.send(ALICE, BOB, message("still welcome")).accepted
        report = (REPORT % (action, forwarded.content.decode())).encode()
        assert world.send("", forwarded.sender, report, ip="198.51.100.200", helo="mail.stranger.example").accepted
    assert "BLACKLISTED: alice@good.example: mail of his that we passed on failed, says 198.51.100.200" in postern.log()
    refused = world.send(ALICE, BOB, message("no more")).last
    assert refused.code == 550 and "blacklisted" in str(refused)
