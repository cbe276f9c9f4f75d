"""What is neither delivered nor refused (QUARANTINE, HOLD, DISCARD), and what an invalid recipient costs (C9)."""
import json

import pytest

from cases import BOB, CAROL
from harness.text import message
from harness.world import World

FORGER = "x@strict.example"


def late(verb: str, **policy: str) -> dict[str, dict[str, str]]:
    """What is found out about FORGER is decided at end of message, and gets `verb`."""
    return {"spf": {"mode": "on"}, "decide_at": {"SPF-Fail": "message"}, "verbs": {"SPF-Fail": verb}, "policy": policy}


def test_quarantine(world: World, tmp_path) -> None:
    kept = tmp_path / "quarantine"
    world.serve({**late("QUARANTINE", quarantine_dir=str(kept)), "authres": {"add": "yes"}})
    outcome = world.send(FORGER, [BOB, CAROL], message("kept"))
    assert outcome.accepted
    world.mta.drain()
    assert world.sink.deliveries == []
    [mail], [entry] = list(kept.glob("*.eml")), list(kept.glob("*.json"))
    head, body = mail.read_bytes().split(b"\r\n\r\n", 1)
    assert b"Subject: kept" in head and b"Authentication-Results: mx.here.example" in head and body
    told = json.loads(entry.read_text())
    assert told["rcpts"] == [f"<{BOB}>", f"<{CAROL}>"] and told["tag"] == "SPF-Fail"


def test_quarantine_without_a_place_defers(world: World) -> None:
    """Nothing is lost: the sender is told to come back."""
    postern = world.serve(late("QUARANTINE"))
    postern.expect("quarantine")
    assert world.send(FORGER, BOB, message("no room")).last.code == 451


def test_hold(world: World) -> None:
    """The MTA's own quarantine: accepted, and there it stays."""
    world.serve(late("HOLD"))
    assert world.send(FORGER, BOB, message("held")).accepted
    assert world.mta.held() == 1
    assert world.sink.deliveries == []
    world.mta.release()
    [delivery] = world.sink.wait(1)
    assert b"Subject: held" in delivery.head


def test_discard(world: World) -> None:
    world.serve(late("DISCARD"))
    assert world.send(FORGER, BOB, message("gone")).accepted
    world.mta.drain()
    assert world.sink.deliveries == []


def test_refused_after_data(world: World) -> None:
    world.serve(late("REJECT"))
    outcome = world.send(FORGER, BOB, message("refused"))
    assert outcome.rcpts[BOB].code == 250 and outcome.data.code == 550


def test_mail_made_on_this_host(world: World) -> None:
    """From the command line there is no client to judge; the filter sees it all the same."""
    if not world.mta.non_smtpd:
        pytest.skip(f"{world.mta.name} shows only SMTP to its filters here")
    postern = world.serve({"spf": {"mode": "on"}, "connection": {"hello_checks": "yes"}, "authres": {"add": "yes"}})
    world.mta.submit("x@strict.example", BOB, message("made here"))
    [delivery] = world.sink.wait(1)
    assert b"Subject: made here" in delivery.head
    assert "INTERNAL" in postern.log()


def test_an_invalid_recipient_costs_no_questions(world: World) -> None:
    """C9. The MTA has refused the recipient; the filter hears of it and asks nothing."""
    if not world.mta.unknown:
        pytest.skip(f"{world.mta.name} knows no invalid recipients here")
    postern = world.serve({"spf": {"mode": "on"}, "connection": {"iprev": "yes", "hello_checks": "yes"}})
    with world.session(ip="192.0.2.60") as client:
        assert client.mail("x@never-asked.example").code == 250
        assert client.rcpt(world.mta.unknown).code == 550
        client.quit()
    assert f"<{world.mta.unknown}> refused by the MTA: 5.1.1" in postern.log()
    assert not [q for q in world.names.questions() if "never-asked.example" in q]
