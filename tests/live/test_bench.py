"""The bench itself, with a milter that does nothing: what goes in comes out, on both MTAs."""
import pytest

from harness.text import message
from harness.world import World

RCPT = "bob@here.example"
SENDER = "alice@good.example"


@pytest.fixture(params=[(), ("--quiet",)], ids=["answers", "quiet"])
def null(world: World, request: pytest.FixtureRequest) -> World:
    world.serve_null(*request.param)
    return world


BODIES = {
    "plain": "Hello.\r\n",
    "dots": ".\r\n..\r\n...x\r\n",
    "empty": "",
    "blank lines": "\r\n\r\n\r\n",
    "long": "0123456789" * 9 + "\r\n" + "x\r\n" * 30000,
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_delivered_as_sent(null: World, body: str) -> None:
    sent = message("as sent", body)
    assert null.send(SENDER, RCPT, sent).accepted
    [delivery] = null.sink.wait(1)
    assert (delivery.sender, delivery.recipients) == (SENDER, (RCPT,))
    # The MTA adds its Received field on top, nothing else; an empty body may lose the line that ends the header.
    assert delivery.content.startswith(b"Received: ")
    assert delivery.body == body.encode()
    for name in ("From", "To", "Subject", "Date", "Message-ID"):
        assert len(delivery.header(name)) == 1, name


def test_several_messages_on_one_connection(null: World) -> None:
    with null.session() as client:
        for i in range(5):
            assert client.message(SENDER, [RCPT], message(f"message {i}")).accepted
        client.quit()
    assert [d.header("Subject") for d in sorted(null.sink.wait(5), key=lambda d: d.header("Subject"))] == \
        [[f"message {i}"] for i in range(5)]


def test_rset_forgets(null: World) -> None:
    with null.session() as client:
        client.mail("first@good.example")
        client.rcpt("nobody@here.example")
        assert client.rset().code == 250
        assert client.message(SENDER, [RCPT], message("second")).accepted
        client.quit()
    null.mta.drain()
    [delivery] = null.sink.wait(1)
    assert (delivery.sender, delivery.recipients) == (SENDER, (RCPT,))


@pytest.mark.parametrize("stage", ["connect", "helo", "mail", "rcpt", "data", "body"])
def test_disconnect(null: World, stage: str) -> None:
    client = null.mta.connect("192.0.2.1")
    steps = {
        "connect": lambda: None,
        "helo": lambda: client.ehlo(),
        "mail": lambda: client.mail(SENDER),
        "rcpt": lambda: client.rcpt(RCPT),
        "data": lambda: client.cmd("DATA"),
        "body": lambda: client.send(b"Subject: half\r\n\r\nhalf a mess"),
    }
    for name, step in steps.items():
        step()
        if name == stage:
            break
    client.abort()
    assert null.send(SENDER, RCPT, message("after it")).accepted
    null.mta.drain()
    assert [d.header("Subject") for d in null.sink.deliveries] == [["after it"]]


def test_client_addresses(null: World) -> None:
    """The MTA believes that we are who we say, by address, name and login."""
    cases = [("192.0.2.1", "mail.good.example", None), ("198.51.100.200", None, None),
             ("203.0.113.1", "pc1.here.example", "bob")]
    if null.mta.ipv6:
        cases.append(("2001:db8:1::1", "mail.good.example", None))
    for ip, name, login in cases:
        assert null.send(SENDER, RCPT, message(ip), ip=ip, login=login).accepted
    received = {d.header("Subject")[0]: d.header("Received")[0] for d in null.sink.wait(len(cases))}
    for ip, name, login in cases:
        assert ip.split("::")[0] in received[ip]
        assert name is None or f"({name} [" in received[ip]
        assert ("ESMTPA" in received[ip]) == (login is not None)


def test_sink_refuses_a_recipient(null: World) -> None:
    """What we cannot deliver comes back to the sender, so that a test can see it."""
    null.sink.refuse["gone@here.example"] = "550 5.1.1 no such user"
    assert null.send(SENDER, "gone@here.example", message("to nobody")).accepted
    [bounce] = null.sink.wait(1)
    assert bounce.sender == "" and bounce.recipients == (SENDER,)
    assert b"no such user" in bounce.content


def test_no_filter_is_a_temporary_failure(world: World) -> None:
    outcome = world.send(SENDER, RCPT, message("too early"))
    assert not outcome.accepted and outcome.last.kind == 4
