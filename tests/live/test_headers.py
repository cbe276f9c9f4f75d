"""E7 and H5. Fields added and removed: these and no others, and not a byte of the body."""
import pytest

from cases import ALICE, BOB, CAROL
from harness.client import Outcome
from harness.sink import Delivery
from harness.text import message
from harness.world import World

INSIDE = {"ip": "203.0.113.1", "helo": "pc1.here.example"}
OURS = {"connection": {"internal_connect": "203.0.113.0/24"}}
HIDE = {**OURS, "headers": {"hide_path": "here.example"}}
SUPPLY = {**OURS, "headers": {"supply_sender": "yes"}}
BODY = "Hello.\r\n\r\n.dot\r\n  trailing  \t\r\n\r\n\r\n"

GATE = ("Received", "from gate.here.example (gate [203.0.113.7])\r\n\tby inner.here.example with ESMTP id G3;"
                    " Mon, 23 Nov 2026 11:00:02 +0000")
PC = ("Received", "from pc (pc [10.1.2.3])\r\n\tby gate.here.example with ESMTP id P2; Mon, 23 Nov 2026 11:00:01 +0000")
MADE = ("Received", "by pc (Postfix, from userid 1000)\r\n\tid M1; Mon, 23 Nov 2026 11:00:00 +0000")
FOREIGN = ("Received", "from mail.good.example (mail.good.example [192.0.2.1])\r\n\tby gate.here.example with ESMTP id F2;"
                       " Mon, 23 Nov 2026 11:00:01 +0000")


def send(world: World, fields: list[tuple[str, str]], sender: str = ALICE, rcpts: str | list[str] = BOB,
         **client: str) -> tuple[Outcome, Delivery]:
    head = "".join(f"{name}: {value}\r\n" for name, value in fields)
    outcome = world.send(sender, rcpts, head.encode() + message("headers", BODY), **client)
    assert outcome.accepted, outcome
    [delivery] = world.sink.wait(1)
    return outcome, delivery


def ids(delivery: Delivery) -> list[str]:
    """Of the Received fields that came with the message, by what stands behind "id"."""
    return [i for v in delivery.header("Received") for i in ("G3", "P2", "M1", "F2") if f"id {i};" in v]


def others(delivery: Delivery) -> list[str]:
    return [line for line in delivery.head.decode().splitlines() if line.split(":")[0] in
            ("From", "To", "Subject", "Date", "Message-ID", "X-Between")]


@pytest.mark.parametrize("fields, left", [
    ([GATE, PC, MADE], []),
    ([GATE, ("X-Between", "1"), PC], []),
    ([GATE, FOREIGN, PC], ["F2", "P2"]),
    ([FOREIGN, GATE], ["F2", "G3"]),
    ([], []),
], ids=["all of ours", "others between them", "from outside", "from outside at the top", "none"])
def test_hide_path(world: World, fields: list[tuple[str, str]], left: list[str]) -> None:
    """What is ours goes, the last first; the MTA's own Received stays, and is one (H5)."""
    world.serve(HIDE)
    _, delivery = send(world, fields, **INSIDE)
    assert ids(delivery) == left, delivery.head.decode()
    assert len(delivery.header("Received")) == len(left) + 1, delivery.head.decode()
    assert "mx.here.example" in delivery.header("Received")[0], delivery.head.decode()
    assert len(others(delivery)) == 5 + (("X-Between", "1") in fields), delivery.head.decode()
    assert delivery.body == BODY.encode()


def test_hide_path_with_results(world: World) -> None:
    """Fields above the MTA's own Received do not shift what is removed below it (H5, E5)."""
    world.serve({**HIDE, "authres": {"add": "yes"}})
    forged = ("Authentication-Results", "mx.here.example; auth=pass")
    _, delivery = send(world, [GATE, forged, PC, FOREIGN], **INSIDE)
    assert ids(delivery) == ["F2"], delivery.head.decode()
    assert len(delivery.header("Received")) == 2, delivery.head.decode()
    assert delivery.header("Authentication-Results") == ["mx.here.example; none"], delivery.head.decode()
    assert delivery.head.startswith(b"Authentication-Results:"), delivery.head.decode()


@pytest.mark.parametrize("client", [{}, {"login": "bob"}], ids=["a stranger's", "a login's"])
def test_whose_path(world: World, client: dict[str, str]) -> None:
    world.serve(HIDE)
    _, delivery = send(world, [GATE, PC], **client)
    assert ids(delivery) == ([] if client else ["G3", "P2"]), delivery.head.decode()


def test_other_recipients(world: World) -> None:
    world.serve({**OURS, "headers": {"hide_path": "elsewhere.example"}})
    _, delivery = send(world, [GATE, PC], rcpts=[BOB, CAROL], **INSIDE)
    assert ids(delivery) == ["G3", "P2"], delivery.head.decode()


@pytest.mark.parametrize("fields, sender, client, value", [
    ([], "joe@sender.example", {}, ["<joe@sender.example>"]),
    ([], '"a b"@sender.example', {}, ['<"a b"@sender.example>']),
    ([], "joe@bounces.good.example", {}, []),
    ([], ALICE, {}, []),
    ([], "", {}, []),
    ([], "joe@sender.example", INSIDE, []),
    ([("Sender", "list@lists.example")], "joe@sender.example", {}, ["list@lists.example"]),
    ([("DKIM-Signature", "v=1; d=good.example; h=from:sender; b=AAAA")], "joe@sender.example", {}, []),
    ([("DKIM-Signature", "v=1; d=good.example; h=from:to; b=AAAA")], "joe@sender.example", {}, ["<joe@sender.example>"]),
], ids=["another domain", "a quoted local part", "a subdomain", "the same", "null", "from inside", "a list's own", "signed without",
        "signed"])
def test_supply_sender(world: World, fields: list[tuple[str, str]], sender: str, client: dict[str, str],
                       value: list[str]) -> None:
    """One Sender, where From names somebody else; the rest stays byte for byte (E7)."""
    world.serve(SUPPLY)
    _, delivery = send(world, fields, sender=sender, **client)
    assert delivery.header("Sender") == value, delivery.head.decode()
    sent = ("".join(f"{n}: {v}\r\n" for n, v in fields).encode() + message("headers", BODY)).partition(b"\r\n\r\n")[0] + b"\r\n"
    assert sent in delivery.head, delivery.head.decode()  # nothing between, nothing changed
    assert delivery.body == BODY.encode()
