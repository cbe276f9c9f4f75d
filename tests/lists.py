#!/usr/bin/python3
"""`postern list` and `postern import` as people and scripts meet them: what they print, and their exit statuses.

    lists.py POSTERN
"""
import json
import pickle
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
import types
from pathlib import Path
from typing import Callable

POSTERN = Path(sys.argv[1]).resolve()


class Place:
    """A configuration, a list that it names, and a store."""

    def __init__(self, folder: Path):
        self.folder, self.config, self.store = folder, folder / "postern.conf", folder / "store.db"
        self.config.write_text(f"[store]\npath = {self.store}\n[lists]\nwhitelist = file:white\n")
        (folder / "white").write_text("# friends\njoe@friend.example\n!spy@friend.example\n")
        for path in self.config, folder / "white":
            path.chmod(0o600)

    def run(self, *words: object) -> subprocess.CompletedProcess[str]:
        named = [self.config] if words[0] == "config" else ["-c", self.config]
        return subprocess.run([POSTERN, *map(str, words), *named], cwd=self.folder, capture_output=True, text=True,
                              timeout=30)

    def status(self, *words: object) -> int:
        return self.run(*words).returncode

    def test(self, name: str, address: str) -> dict:
        done = self.run("list", "test", name, address, "--json")
        answer = json.loads(done.stdout)
        assert (done.returncode == 0) == (answer["listed"] == "yes"), done
        return answer

    def shown(self, *words: object) -> dict[str, dict]:
        lines = self.run("list", "show", *words, "--json").stdout.splitlines()
        return {entry["entry"]: entry for entry in map(json.loads, lines)}


def what_is_written_answers_before_there_is_a_store(place: Place) -> None:
    assert place.test("whitelist", "Joe@friend.example")["where"] == f"{place.folder}/white:2"
    assert place.test("whitelist", "spy@friend.example")["listed"] == "no, taken back"
    assert place.status("list", "remove", "whitelist", "a.example") == 1
    assert not place.store.exists()


def entries_come_and_go(place: Place) -> None:
    assert place.status("list", "add", "whitelist", "*.Example.com", "--for", "60d", "--source", "ticket 4711") == 0
    assert place.status("list", "add", "whitelist", "!bad@a.example.com") == 0
    assert place.status("list", "add", "blacklist", "a.example.com") == 0
    assert set(place.shown()) == {"*.example.com", "!bad@a.example.com", "a.example.com"}
    assert set(place.shown("blacklist")) == set(place.shown("*a.example.com")) - {"!bad@a.example.com"} == {"a.example.com"}
    entry = place.shown("whitelist", "?.example.com")["*.example.com"]
    assert entry["source"] == "ticket 4711" and "until" in entry
    below = place.test("whitelist", "x@b.example.com")
    assert (below["entry"], below["where"], below["decides"]) == ("*.example.com", "store", "whitelist")
    specific = place.test("whitelist", "x@a.example.com")
    assert (specific["listed"], specific["decides"], specific["by"]) == ("yes", "blacklist", "a.example.com (store)")
    assert place.test("whitelist", "bad@a.example.com")["listed"] == "no, taken back"
    assert place.status("list", "remove", "whitelist", "bad@a.example.com") == 1, "the exception is another entry"
    assert place.status("list", "remove", "whitelist", "!bad@a.example.com") == 0
    assert place.status("list", "remove", "whitelist", "*.example.com") == 0
    assert place.test("whitelist", "x@b.example.com")["listed"] == "no"
    assert place.status("list", "show", "nothing-like-that") == 1


def what_is_wrong_is_usage(place: Place) -> None:
    for words in (["add", "whitelist", "mail*.example"], ["add", "whitelist", "a@@"], ["add", "callback", "a@b.example"],
                  ["add", "greylist", "a@b.example"], ["add", "whitelist"], ["add", "whitelist", "a", "b"], ["lose"], [],
                  ["add", "whitelist", "a@b.example", "--for", "soon"]):
        assert place.status("list", *words) == 2, words
    assert subprocess.run([POSTERN, "list", "show"], capture_output=True).returncode == 2
    place.store.write_text("no database at all, but long enough to be looked at")
    assert place.status("list", "test", "whitelist", "a@b.example") not in (0, 1), "1 would be an answer"


def old_files_are_taken_over(place: Place) -> None:
    (place.folder / "auto_whitelist.log").write_text(
        "joe@example.com 2099Jan25 22:47:26 UTC\ngarbage line here\nmanual.example\nold@example.com 2007Jan25 22:47:26 EST\n")
    (place.folder / "send_dsn.log").write_text("None 2099Jan25 22:47:26 UTC\n")
    done = place.run("import", "auto_whitelist.log")
    assert done.returncode == 1 and done.stderr.startswith("auto_whitelist.log:2: garbage line here: "), done
    assert done.stdout == "auto_whitelist.log: 2 entries into whitelist, 1 of them had expired; 1 lines left out\n", done
    first = place.run("store", "export").stdout
    assert place.status("import", "auto_whitelist.log", "send_dsn.log") == 1
    assert place.run("store", "export").stdout == first != ""
    assert set(place.shown()) == {"joe@example.com", "manual.example"}
    assert place.status("import", "milter.log") == 2
    assert place.status("import", "--kind", "blacklist", "no such file") == 2
    assert place.status("list", "import", "blacklist", "auto_whitelist.log") == 1
    assert set(place.shown("blacklist")) == {"joe@example.com", "manual.example"}


def an_old_greylist_is_taken_over(place: Place) -> None:
    now = time.time()
    with sqlite3.connect(place.folder / "greylist.db") as old:
        old.execute("create table greylist(ip text, sender text, recipient text, firstseen timestamp, lastseen timestamp,"
                    " cnt integer, umis text, primary key (ip,sender,recipient))")
        old.execute("insert into greylist values ('192.0.2.0','a@x.example','b@our.example',?,?,2,null)", (now - 9e4, now - 60))
        old.execute("insert into greylist values ('nonsense',null,'b@our.example',?,?,2,null)", (now, now))
    (place.folder / "banned_ips").write_text("192.0.2.7\n")
    (place.folder / "banned_domains").write_text("*.bad.example\nno domain\n")
    done = place.run("import", "greylist.db", "banned_ips", "banned_domains")
    assert done.returncode == 1 and "greylist.db:2: ?: " in done.stderr and "banned_domains:2: no domain: " in done.stderr, done
    first = place.run("store", "export").stdout
    assert place.status("import", "greylist.db", "banned_ips", "banned_domains") == 1
    assert place.run("store", "export").stdout == first
    assert "192.0.2.0/24 a@x.example b@our.example" in place.run("greylist", "show").stdout
    assert {"192.0.2.7", "*.bad.example"} <= set(place.run("ban", "show").stdout.split())
    for content in b"", b"shelve of pickles", b"SQLite format 3\0" + bytes(range(256)) * 20:
        (place.folder / "greylist.db").write_bytes(content)
        done = place.run("import", "greylist.db")
        assert done.returncode == 2 and done.stderr.startswith("postern import: greylist.db: "), done
    assert place.status("import", "greylist-that-is-not-there.db") == 2


class Record:
    """As the older system pickled it; its module is named so that its class is, too."""
    __slots__ = "firstseen", "lastseen", "umis", "cnt"

    def __init__(self, first: float, last: float, count: int):
        self.firstseen, self.lastseen, self.umis, self.cnt = first, last, None, count


def an_old_shelf_is_taken_over(place: Place) -> None:
    """A shelf: a Berkeley DB hash of pickles, protocol 2. What is no Record is left out, and does nothing."""
    load = shutil.which("db5.3_load")
    if not load:
        print("an_old_shelf_is_taken_over: skipped, there is no db5.3_load")
        return
    now = time.time()
    module = sys.modules["Milter.greylist"] = types.ModuleType("Milter.greylist")
    sys.modules["Milter"] = types.ModuleType("Milter")
    Record.__module__, module.Record = "Milter.greylist", Record
    pairs = {b"192.0.2.0:a%40b@x.example:b@our.example": pickle.dumps(Record(now - 9e4, now - 60.5, 2), 2),
             b"2001:db8:::c@x.example:b@our.example": pickle.dumps(Record(now - 60, now - 60, 0), 2),
             b"192.0.2.1:e@x.example:b@our.example": b"cos\nsystem\n(S'touch evil'\ntR.",
             b"192.0.2.2:f@x.example:b@our.example": pickle.dumps([1], 2)}
    text = "VERSION=3\nformat=bytevalue\ntype=hash\nHEADER=END\n"
    text += "".join(f" {key.hex()}\n {value.hex()}\n" for key, value in pairs.items()) + "DATA=END\n"
    subprocess.run([load, place.folder / "greylist.shelf"], input=text, text=True, check=True)
    done = place.run("import", "greylist.shelf")
    assert done.returncode == 1 and "2 entries" in done.stdout and "2 lines left out" in done.stdout, done
    shown = place.run("greylist", "show").stdout.splitlines()
    assert [line.split()[0] for line in shown] == ["passed", "waiting"] and len(shown) == 2, shown
    assert "192.0.2.0/24 " in shown[0] and "2001:db8::/64 c@x.example b@our.example" in shown[1], shown
    assert not (place.folder / "evil").exists()


def a_list_never_stops_the_start(place: Place) -> None:
    """B6: a file that is missing, is writable by others, or holds what is no entry, is a warning."""
    white = place.folder / "white"
    for spoil, said in ((lambda: white.write_text("joe@friend.example\na@@\n"), "white:2"),
                        (lambda: white.chmod(0o666), "white"), (white.unlink, "white")):
        spoil()
        done = place.run("config", "check")
        assert done.returncode == 0 and "warning" in done.stdout + done.stderr and said in done.stdout + done.stderr, done


TESTS: list[Callable[[Place], None]] = [what_is_written_answers_before_there_is_a_store, entries_come_and_go,
                                        what_is_wrong_is_usage, old_files_are_taken_over, an_old_greylist_is_taken_over,
                                        an_old_shelf_is_taken_over,
                                        a_list_never_stops_the_start]
failed = 0
for test in TESTS:
    with tempfile.TemporaryDirectory() as name:
        try:
            test(Place(Path(name)))
            print(f"ok      {test.__name__}")
        except Exception as e:
            failed += 1
            print(f"FAILED  {test.__name__}: {type(e).__name__}: {e}")
sys.exit(1 if failed else 0)
