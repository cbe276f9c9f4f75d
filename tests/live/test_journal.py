"""What became of mail is found again in the journal, and why (K4, D6); also after a restart."""
import json
import subprocess
from pathlib import Path

from cases import ALICE, BOB, CAROL
from harness.filter import POSTERN
from harness.process import wait_until
from harness.text import message
from harness.world import World

FORGER = "x@strict.example"
LATE = "late@soft.example"


def journal(store: Path, *arguments: str) -> list[dict]:
    done = subprocess.run([POSTERN, "journal", *arguments, "--json", "--file", store], capture_output=True, text=True)
    assert done.returncode in (0, 1), done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def text(store: Path, *arguments: str) -> str:
    return subprocess.run([POSTERN, "journal", *arguments, "--file", store], capture_output=True, text=True,
                          check=True).stdout


def settings(store: Path) -> dict[str, dict[str, str]]:
    return {"spf": {"mode": "on"}, "store": {"path": str(store)}, "decide_at": {"SPF-SoftFail": "message"},
            "verbs": {"SPF-SoftFail": "REJECT", "SPF-Neutral": "TEMPFAIL"}}


def the_one(store: Path, *arguments: str) -> dict:
    """What was refused before DATA is written when its transaction ends, and Postfix answers RSET and QUIT by itself."""
    wait_until(lambda: journal(store, "search", *arguments), 5, f"the journal has {arguments}")
    [row] = journal(store, "search", *arguments)
    return row


def why(store: Path, row: dict) -> str:
    shown = text(store, "show", str(row["id"]))
    if row.get("queue_id"):  # Postfix has none before a recipient was taken
        assert shown == text(store, "show", row["queue_id"]), "by either id"
    return shown


def test_what_became_of_mail(world: World, tmp_path) -> None:
    store = tmp_path / "store.db"
    world.serve(settings(store))
    assert world.send(ALICE, [BOB, CAROL], message("journal accepted")).accepted
    assert world.send(FORGER, BOB, message("journal refused")).rcpts[BOB].code == 550

    # The answer to a message is given when it can be found: no waiting here.
    accepted = journal(store, "search", "--from", ALICE)
    assert [row["rcpt"] for row in accepted] == [BOB, CAROL]
    assert {row["end"] for row in accepted} == {"accepted"}
    assert accepted[0]["subject"] == "journal accepted" and accepted[0]["client"] == "192.0.2.1"
    assert "SPF-Pass for alice@good.example: OK" in why(store, accepted[0])

    refused = the_one(store, "--end", "refused")
    assert (refused["rcpt"], refused["code"], refused["tag"]) == (BOB, 550, "SPF-Fail")
    shown = why(store, refused)
    assert "decides  SPF-Fail for x@strict.example: REJECT [built in]" in shown and "refused: 550" in shown

    # In the middle of it all the filter is started anew.
    world.stop_filters()
    world.serve(settings(store))
    assert len(journal(store, "search")) == 3

    outcome = world.send(LATE, BOB, message("journal late"))
    assert outcome.rcpts[BOB].code == 250 and outcome.data.code == 550
    late = the_one(store, "--from", LATE)
    assert (late["end"], late["code"], late["tag"], late["subject"]) == ("refused", 550, "SPF-SoftFail", "journal late")
    assert "SPF-SoftFail at " in why(store, late)


def test_deferred_and_aborted(world: World, tmp_path) -> None:
    store = tmp_path / "store.db"
    postern = world.serve({"spf": {"mode": "on"}, "store": {"path": str(store)}, "verbs": {"SPF-Fail": "TEMPFAIL"},
                           "greylist": {"mode": "all"}})
    assert world.send("new@none.example", BOB, message("journal greylisted")).last.kind == 4
    greylisted = the_one(store, "--from", "new@none.example")
    assert (greylisted["end"], greylisted["tag"]) == ("greylisted", "Greylist")

    assert world.send(FORGER, BOB, message("journal deferred")).rcpts[BOB].code // 100 == 4
    deferred = the_one(store, "--end", "deferred")
    assert (deferred["rcpt"], deferred["tag"]) == (BOB, "SPF-Fail") and deferred["code"] // 100 == 4
    assert "SPF-Fail at " in why(store, deferred)

    with world.session() as client:
        client.mail(ALICE)
        assert client.rcpt(CAROL).code == 250
        assert client.rset().code == 250
        client.quit()
    aborted = the_one(store, "--end", "aborted")
    assert aborted["rcpt"] == CAROL and "tag" not in aborted
    assert "abort after" in postern.log()

    [day] = journal(store, "stats")
    assert (day["deferred"], day["aborted"]) == (1, 1)
    assert journal(store, "top", "tag", "--end", "deferred") == [{"tag": "SPF-Fail", "n": 1}]
    assert text(store, "search").splitlines()[0].split() == ["id", "time", "end", "client", "sender", "recipient", "tag"]
    assert all(len(line) <= 120 for line in text(store, "search").splitlines())


def test_what_is_old_leaves(world: World, tmp_path) -> None:
    store = tmp_path / "store.db"
    world.serve({"store": {"path": str(store)}, "journal": {"keep": "3s"}})
    assert world.send(ALICE, BOB, message("soon forgotten")).accepted
    assert the_one(store)["end"] == "accepted"
    wait_until(lambda: not journal(store, "search"), 10, "the journal is empty")


def test_who_is_refused_again_and_again(world: World, tmp_path) -> None:
    store = tmp_path / "store.db"
    world.serve({"spf": {"mode": "on"}, "store": {"path": str(store)},
                 "blacklist_rules": {"forgers": "3 refusals of SPF-Fail in 1h by client -> ban 1h"}})
    for _ in range(3):
        assert world.send(FORGER, BOB, message("again"), ip="192.0.2.78").last.code == 550
    # The ban is written together with the third row.
    wait_until(lambda: len(journal(store, "search", "--end", "refused")) == 3, 5, "three are refused")
    outcome = world.send("someone@none.example", BOB, message("banned"), ip="192.0.2.78")
    assert "rule forgers: 3 refusals of SPF-Fail" in outcome.last.text
    assert world.send(ALICE, BOB, message("others")).accepted
