"""A7, B10. What a trusted relay says of the sender, as both MTAs hand it to us."""
import pytest

from cases import ALICE, BOB
from harness.client import Outcome
from harness.text import message
from harness.world import World

RELAY = "198.51.100.7"
SETTINGS = {"connection": {"trusted_relay": RELAY}, "spf": {"mode": "on"}, "authres": {"add": "yes"}}
RECEIVED = ("Received", "from mail.good.example (mail.good.example [192.0.2.1])\r\n"
                        "\tby relay.trusted.example (Postfix) with ESMTP id 4711; Mon, 23 Nov 2026 12:00:00 +0000")
STRICT = "x@strict.example"  # passes for 192.0.2.77 alone


def received_spf(result: str, sender: str = STRICT) -> tuple[str, str]:
    return ("Received-SPF", f"{result} (relay.trusted.example: as it says)\r\n\tclient-ip=192.0.2.77; "
                            f'envelope-from="{sender}"; helo=mail.strict.example; identity=mailfrom')


def results(text: str, authserv_id: str = "relay.trusted.example") -> tuple[str, str]:
    return ("Authentication-Results", f"{authserv_id}; {text}")


def send(world: World, *fields: tuple[str, str], sender: str = STRICT, ip: str = RELAY,
         helo: str = "relay.trusted.example") -> Outcome:
    head = "".join(f"{name}: {value}\r\n" for name, value in fields)
    return world.send(sender, BOB, head.encode() + message("relayed"), ip, helo)


BELOW = [received_spf("fail"), results("spf=fail smtp.mailfrom=x@strict.example")]


@pytest.mark.parametrize("fields, code, says", [
    ([received_spf("pass"), RECEIVED, *BELOW], 250, "spf=pass"),
    ([received_spf("fail"), RECEIVED, received_spf("pass"), results("spf=pass smtp.mailfrom=strict.example")], 550, ""),
    ([results("spf=pass smtp.mailfrom=strict.example"), RECEIVED, *BELOW], 250, "spf=pass"),
    ([results("spf=fail smtp.mailfrom=strict.example", "RELAY.trusted.example"), RECEIVED], 550, ""),
    ([results("spf=fail smtp.mailfrom=strict.example", "other.example"), RECEIVED, *BELOW], 250, None),
    ([results("auth=pass smtp.auth=fred"), received_spf("fail"), RECEIVED], 250, "auth=pass"),
    ([RECEIVED, *BELOW], 250, None),
    ([received_spf("temperror"), RECEIVED], 250, "spf=temperror"),
], ids=["pass", "fail, a forged pass below", "results", "results, a fail", "results of another", "its own people",
        "nothing but forged ones", "temperror"])
def test_relayed(world: World, fields: list[tuple[str, str]], code: int, says: str | None) -> None:
    """Only what stands above the relay's Received counts; the refusal comes at end of message (B10)."""
    postern = world.serve(SETTINGS)
    outcome = send(world, *fields)
    told = f"{outcome}\n{postern.log()}"
    assert [reply.code for reply in outcome.rcpts.values()] == [250], told
    assert outcome.data and outcome.data.code == code, told
    if code != 250:
        assert "relay.trusted.example says: SPF fail" in str(outcome.data), told
        return
    [delivery] = world.sink.wait(1)
    ours = [v for v in delivery.header("Authentication-Results") if v.startswith("mx.here.example;")]
    assert len(ours) == 1, delivery.head.decode()
    if says:
        assert f"{says} reason=\"reported by relay.trusted.example\"" in " ".join(ours[0].split()), ours
    else:
        assert "spf=" not in ours[0] and "relay: what relay.trusted.example knows" in postern.log(), told


def test_a_strangers_fields(world: World) -> None:
    """Who is no relay of ours is judged by us, whatever he writes above his Received (B10)."""
    world.serve(SETTINGS)
    outcome = send(world, received_spf("pass"), results("spf=pass"), RECEIVED, ip="192.0.2.1", helo="mail.good.example")
    assert [reply.code for reply in outcome.rcpts.values()] == [550]


def test_a_proven_sender_is_whitelisted(world: World) -> None:
    """A reported pass is a proof as our own is (B7)."""
    access = f"SPF-Pass:{STRICT} WHITELIST\n"
    postern = world.serve({**SETTINGS, "policy": {"access": "@access"}}, {"access": access})
    assert send(world, received_spf("pass"), RECEIVED).accepted
    assert f"WHITELIST <{BOB}>" in postern.log()


def test_our_own_name_goes(world: World) -> None:
    """What bears our name is removed, though a relay that shares the name was believed (E5, B10)."""
    world.serve({**SETTINGS, "authres": {"add": "yes", "authserv_id": "here.example"}})
    assert send(world, results("spf=pass smtp.mailfrom=strict.example", "here.example"), RECEIVED,
                results("dkim=pass header.d=forged.example", "here.example")).accepted
    [delivery] = world.sink.wait(1)
    [ours] = delivery.header("Authentication-Results")
    assert "reported by relay.trusted.example" in " ".join(ours.split())


def test_relay_by_helo(world: World) -> None:
    """A HELO name of the list that SPF proves; good.example has no address of its own (A7)."""
    postern = world.serve({**SETTINGS, "connection": {"trusted_relay": "good.example"}})
    assert send(world, received_spf("pass"), RECEIVED, ip="192.0.2.1", helo="good.example").accepted
    assert "SPF of HELO good.example is pass: TRUSTED" in postern.log()
    forged = send(world, received_spf("pass"), RECEIVED, ip=RELAY, helo="good.example")
    assert [reply.code for reply in forged.rcpts.values()] == [550]
    assert "SPF of HELO good.example is fail" in postern.log()


def test_what_we_write_is_what_we_read(world: World) -> None:
    """Two of us in a row: the second takes from the first one's delivery what the first one found (B10)."""
    world.serve({"spf": {"mode": "on", "best_guess": "yes"}, "authres": {"add": "yes"}})
    assert world.send(ALICE, BOB, message("first")).accepted
    [first] = world.sink.wait(1)
    world.stop_filters()
    world.sink.clear()
    postern = world.serve(SETTINGS)
    again = world.send(ALICE, BOB, first.head + b"\r\n" + b"Hello.\r\n", RELAY, "relay.trusted.example")
    assert again.accepted, f"{again}\n{first.head.decode()}"
    [second] = world.sink.wait(1)
    ours = " ".join(second.header("Authentication-Results")[0].split())
    assert 'spf=pass reason="reported by mx.here.example" smtp.mailfrom=alice@good.example' in ours, postern.log()
