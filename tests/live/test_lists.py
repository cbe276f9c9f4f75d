"""B6-B8, G5: who is welcome and who is not: learned, remembered across a restart, changed while the filter runs."""
import re
import subprocess
from pathlib import Path

from cases import ALICE, BOB
from harness.filter import POSTERN, Settings
from harness.text import message
from harness.world import World

OURS = {"ip": "203.0.113.1", "helo": "pc.here.example"}
STRANGER = {"ip": "198.51.100.200", "helo": "mail.stranger.example"}
FRIEND, MALLORY = "friend@none.example", "mallory@good.example"


def settings(store: Path) -> Settings:
    return {
        "spf": {"mode": "on"},
        "verbs": {"SPF-None": "REJECT"},
        "connection": {"internal_connect": "203.0.113.0/24"},
        "sender": {"internal_domains": "here.example"},
        "store": {"path": str(store)},
        "lists": {"whitelist_senders": "here.example, !*-help@here.example"},
    }


def lists(store: Path, *words: str) -> int:
    return subprocess.run([POSTERN, "list", *words, "--file", store], timeout=30).returncode


def decided(log: str, tag: str, sender: str) -> bool:
    return re.search(rf"{tag} <{BOB}> .*for {re.escape(sender)};", log) is not None


def test_who_was_written_to_is_welcome(world: World, tmp_path: Path) -> None:
    store = tmp_path / "store.db"
    postern = world.serve(settings(store))
    assert world.send(FRIEND, BOB, message("before"), **STRANGER).last.code == 550

    assert world.send("robot-help@here.example", FRIEND, message("automatic"), **OURS).accepted
    assert lists(store, "test", "whitelist", FRIEND) == 1
    assert world.send(BOB, [FRIEND, ALICE], message("hello"), **OURS).accepted
    assert f"Auto-Whitelist: {FRIEND}" in postern.log()

    world.stop_filters()
    postern = world.serve(settings(store))
    assert lists(store, "test", "whitelist", FRIEND) == 0
    # Nothing proves who he is: only the refusal for SPF-None is silenced.
    assert world.send(FRIEND, BOB, message("an answer"), **STRANGER).accepted
    assert decided(postern.log(), "PROBATION", FRIEND), postern.log()
    assert world.send("other@none.example", BOB, message("another"), **STRANGER).last.code == 550
    # She is proven by SPF; somebody else in her name is refused as before.
    assert world.send(ALICE, BOB, message("an answer")).accepted
    assert decided(postern.log(), "WHITELIST", ALICE), postern.log()
    assert world.send(ALICE, BOB, message("forged"), **STRANGER).last.code == 550


def test_blacklist_without_a_reload(world: World, tmp_path: Path) -> None:
    store = tmp_path / "store.db"
    postern = world.serve(settings(store))
    assert world.send(MALLORY, BOB, message("before")).accepted
    assert lists(store, "add", "blacklist", "@good.example", "--for", "1d", "--source", "a test") == 0
    refused = world.send(MALLORY, BOB, message("listed")).last
    assert refused.code == 550 and "mallory@good.example is blacklisted here" in str(refused)
    # The more specific entry answers.
    assert lists(store, "add", "whitelist", ALICE) == 0
    assert world.send(ALICE, BOB, message("friend")).accepted
    assert decided(postern.log(), "WHITELIST", ALICE), postern.log()

    world.stop_filters()
    world.serve(settings(store))
    assert world.send(MALLORY, BOB, message("still listed")).last.code == 550
    assert lists(store, "remove", "blacklist", "@good.example") == 0
    assert world.send(MALLORY, BOB, message("removed")).accepted
