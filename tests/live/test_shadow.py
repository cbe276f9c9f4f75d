"""[shadow] config: another configuration judges live mail, and only the log shows it (K8)."""
import json

from cases import ALICE, BOB, CAROL
from harness.process import wait_until
from harness.text import message
from harness.world import World

ON = {"spf": {"mode": "on"}, "shadow": {"config": "@next.conf"}}
NEXT = "[spf]\nmode = on\n[verbs]\nSPF-Pass = REJECT\n[authres]\nadd = yes\n"


def shadows(lines: list[str]) -> list[str]:
    return [line for line in lines if "SHADOW:" in line]


def test_shadow(world: World) -> None:
    postern = world.serve(ON, {"next.conf": NEXT})
    assert world.send(ALICE, [BOB, CAROL], message("judged twice")).accepted
    delivered = world.sink.wait(1)[0]
    assert sorted(delivered.recipients) == [BOB, CAROL]
    assert delivered.header("Received-SPF") and not delivered.header("Authentication-Results")
    told = shadows(postern.lines())
    assert len(told) == 2, told
    assert f"rcpt: <{BOB}>: REJECT 550" in told[0] and "by SPF-Pass" in told[0] and "instead of OK" in told[0], told
    assert not any("] REJECT:" in line for line in postern.lines())

    # Its file is watched like ours; edits are compared too.
    (postern.folder / "next.conf").write_text("[spf]\nmode = on\n[authres]\nadd = yes\n")
    wait_until(lambda: any(" in force" in line for line in postern.lines()), 10, "the change is seen")
    assert world.send(ALICE, BOB, message("edited")).accepted
    assert not world.sink.wait(2)[1].header("Authentication-Results")
    told = shadows(postern.lines())[2:]
    assert len(told) == 1 and 'edits: also "header ^ Authentication-Results:' in told[0], told


def test_a_broken_shadow_stops_no_mail(world: World) -> None:
    postern = world.serve(ON, {"next.conf": "[spf]\nmode = perhaps\n"})
    postern.expect("there is no shadow:.*next.conf:2")
    assert world.send(ALICE, BOB, message("all the same")).accepted
    postern.reload(ON, {"next.conf": NEXT})
    assert world.send(ALICE, BOB, message("mended")).accepted
    assert len(shadows(postern.lines())) == 1
    postern.expect("there is no shadow:.*next.conf")
    (postern.folder / "next.conf").unlink()
    postern.reload(ON)
    assert world.send(ALICE, BOB, message("gone")).accepted
    assert len(shadows(postern.lines())) == 1


def test_facts(world: World) -> None:
    postern = world.serve({**ON, "log": {"json": "yes"}}, {"next.conf": NEXT})
    assert world.send(ALICE, BOB, message("json")).accepted
    line = next(json.loads(line) for line in postern.lines() if '"SHADOW:"' in line)
    assert line["shadow"]["verdict"] == "REJECT" and line["live"]["verdict"] == "OK", line
    assert line["rcpt"] == f"<{BOB}>" and line["stage"] == "rcpt" and line["seen_further"] is True, line
    assert line["config"].endswith("next.conf"), line
