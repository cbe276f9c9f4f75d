"""What is remembered, over a restart: the greylist (G4), bans (A6, B5), limits (A9). Looked at and corrected by the commands."""
import json
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from cases import ALICE, BOB, CAROL
from harness.filter import POSTERN, Postern
from harness.text import message
from harness.world import World

STRANGER = "joe@none.example"
FROM = {"ip": "192.0.2.50", "helo": "mail.none.example"}


@pytest.fixture
def remembered(world: World):
    """Settings of one store for all daemons of a test."""
    path = world.folder / "store.db"
    for file in world.folder.glob("store.db*"):
        file.unlink()
    return {"store": {"path": str(path)}}


def restart(world: World, postern: Postern, settings) -> Postern:
    world.filters.remove(postern)
    postern.stop()
    return world.serve(settings)


def postern_command(postern: Postern, *words: str) -> tuple[int, str]:
    done = subprocess.run([POSTERN, *words, "-c", postern.config], capture_output=True, text=True)
    assert "anitizer" not in done.stderr, done.stderr
    return done.returncode, done.stdout


def test_greylist_over_a_restart(world: World, remembered) -> None:
    settings = {**remembered, "spf": {"mode": "on"}, "greylist": {"mode": "all", "delay": "2s", "exempt_rcpts": "open@"}}
    postern = world.serve(settings)
    first = world.send(STRANGER, [BOB, "open@here.example"], message("first"), **FROM)
    assert [r.code for r in first.rcpts.values()] == [451, 250], first
    assert "greylisted: please try again in 1 minute" in first.rcpts[BOB].text
    status, shown = postern_command(postern, "greylist", "show", "--waiting")
    assert status == 0 and f"192.0.2.0/24 {STRANGER} {BOB}" in shown and "open@" not in shown
    postern = restart(world, postern, settings)
    time.sleep(2.1)
    assert world.send(STRANGER, BOB, message("second"), **FROM).accepted
    # Proven senders are never asked; a bounce is not.
    assert world.send(ALICE, BOB, message("proven")).accepted
    assert world.send("", BOB, message("bounce"), **FROM).accepted
    # Another recipient waits, until somebody pardons him.
    assert world.send(STRANGER, CAROL, message("third"), **FROM).last.code == 451
    assert postern_command(postern, "greylist", "pardon", CAROL)[0] == 0
    assert world.send(STRANGER, CAROL, message("third"), **FROM).accepted
    assert len(world.sink.wait(5)) == 5


def test_ban_over_a_restart(world: World, remembered) -> None:
    settings = {**remembered, "connection": {"max_demerits": "7", "hello_blacklist": "here.example"}}
    postern = world.serve(settings)
    for _ in range(2):
        assert world.send(STRANGER, BOB, message("as you"), "192.0.2.50", "here.example").last.code == 550
    postern = restart(world, postern, settings)
    refused = world.send(STRANGER, BOB, message("as myself"), **FROM).last
    assert refused.code == 550 and "192.0.2.50 is banned for now: 8 demerits" in refused.text
    # A login clears him, and others are not meant.
    assert world.send("bob@here.example", CAROL, message("roaming"), **FROM, login="bob").accepted
    assert world.send(STRANGER, BOB, message("another"), "192.0.2.51", "mail.none.example").accepted
    assert "192.0.2.50" in postern_command(postern, "ban", "show")[1]
    assert "50.2.0.192\tA\t127.0.0.2" in postern_command(postern, "ban", "export")[1]
    assert postern_command(postern, "ban", "pardon", "192.0.2.50")[0] == 0
    assert world.send(STRANGER, BOB, message("pardoned"), **FROM).accepted
    # A domain, by hand, without a reload.
    assert postern_command(postern, "ban", "add", "*.none.example", "none.example", "--why", "enough")[0] == 0
    refused = world.send(STRANGER, BOB, message("banned"), **FROM).last
    assert refused.code == 550 and "none.example is banned here: enough" in refused.text


def test_unknown_recipients_ban(world: World, remembered) -> None:
    if not world.mta.unknown:
        pytest.skip("this MTA of the bench refuses no recipient itself")
    world.serve({**remembered, "connection": {"max_unknown": "2"}})
    for _ in range(3):
        world.send(STRANGER, world.mta.unknown, message("guess"), **FROM)
    refused = world.send(STRANGER, BOB, message("lucky"), **FROM).last
    assert refused.code == 550 and "3 recipients that do not exist" in refused.text


def test_limit_over_a_restart(world: World, remembered) -> None:
    settings = {**remembered, "limits": {"burst": "2 messages per 6s by client inbound",
                                         "login": "3 recipients per 1h by login outbound"}}
    postern = world.serve(settings)
    assert world.send(STRANGER, BOB, message("one"), **FROM).accepted
    begun = time.monotonic()
    postern = restart(world, postern, settings)
    assert world.send(STRANGER, BOB, message("two"), **FROM).accepted
    over = world.send(STRANGER, BOB, message("three"), **FROM).last
    assert over.code == 450 and "limit burst" in over.text, over
    status, shown = postern_command(postern, "limits", "--over", "--json")
    assert status == 1 and json.loads(shown)["subject"] == "192.0.2.50"
    time.sleep(max(0.0, 6.1 - (time.monotonic() - begun)))
    assert world.send(STRANGER, BOB, message("four"), **FROM).accepted
    # An account that sends too much is stopped and reported.
    postern.expect("LIMIT: bob has reached login")
    sent = world.send("bob@here.example", [f"u{i}@elsewhere.example" for i in range(5)], message("spam"), **FROM, login="bob")
    assert sorted(r.code for r in sent.rcpts.values()) == [250, 250, 250, 450, 450]
    assert len([line for line in postern.lines() if "LIMIT: bob" in line]) == 1


def test_limit_is_exact(world: World, remembered) -> None:
    """Many sessions at once get as many as there is room for."""
    world.serve({**remembered, "limits": {"day": "10 messages per 1d by domain"}})
    with ThreadPoolExecutor(16) as pool:
        told = list(pool.map(lambda i: world.send(STRANGER, BOB, message(f"{i}"), **FROM).last.code, range(40)))
    assert told.count(250) == 10 and told.count(450) == 30, told


def test_store_away(world: World, remembered) -> None:
    """Without its store mail still flows; whoever has said so is told to come back."""
    settings = {**remembered, "greylist": {"mode": "all"}, "policy": {"access": "@access"}}
    (world.folder / "store.db").write_bytes(b"this is no database, and never was\n" * 100)
    postern = world.serve(settings, {"access": f"To-Store-Away:{CAROL} TEMPFAIL\n"})
    postern.expect("store")
    assert world.send(STRANGER, BOB, message("on we go"), **FROM).accepted
    assert world.send(STRANGER, CAROL, message("not for her"), **FROM).last.code == 451
    (world.folder / "store.db").unlink()
    deadline = time.monotonic() + 20
    while world.send(STRANGER, BOB, message("again"), **FROM).accepted and time.monotonic() < deadline:
        time.sleep(0.5)
    assert world.send(STRANGER, BOB, message("and again"), **FROM).last.code == 451
    assert any("store" in line for line in postern.lines())


@pytest.mark.load
def test_killed_under_load(world: World, remembered) -> None:
    """What a sender was told about is remembered, however the daemon ended."""
    settings = {**remembered, "greylist": {"mode": "all", "delay": "1h"}}
    told: list[str] = []
    for round_ in range(3):
        postern = world.serve(settings)

        def send(i: int) -> None:
            rcpt = f"u{round_}-{i}@here.example"
            try:
                outcome = world.send(STRANGER, rcpt, message("x"), **FROM)
            except OSError:
                return
            if outcome.rcpts and "greylisted" in outcome.rcpts[rcpt].text:
                told.append(rcpt)

        with ThreadPoolExecutor(8) as pool:
            jobs = [pool.submit(send, i) for i in range(60)]
            time.sleep(0.4)
            postern.process.tell(signal.SIGKILL)
            for job in jobs:
                job.exception()
        world.filters.remove(postern)
        postern.process.stop()
    assert told
    postern = world.serve(settings)
    shown = postern_command(postern, "greylist", "show", "--waiting")[1]
    missing = [rcpt for rcpt in told if f" {rcpt}\n" not in shown]
    assert not missing, f"{len(missing)} of {len(told)} were forgotten"
