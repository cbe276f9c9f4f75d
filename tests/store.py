#!/usr/bin/python3
"""postern store: what it prints and how it ends.

    store.py POSTERN
"""
import base64
import json
import os
import pwd
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

ENTRY = {"table": "whitelist", "key": "joe@example.com", "text": "by jane", "number": 3, "created": 17, "changed": 5, "expires": 0}
BROKEN = {"table": "ban", "key_base64": base64.b64encode(b"\xff\xfe").decode(), "text": "w\u00e4", "number": -1, "expires": 4102444800}
GONE = {"table": "ban", "key": "gone", "expires": 1}
MESSAGE = {"journal": 7, "time": 1795435200, "session": str(2**64 - 1), "queue_id": "4Xy", "client": "192.0.2.1", "sender": "a@b.example",
           "size": 3, "outgoing": True, "score": 1.5, "facts": '{"a":1}', "end": "refused", "code": 550, "rcpt": "x@our.example",
           "tag": "SPF-Fail", "about": "a@b.example", "rule": "access:1", "text": "no"}
SECOND = {"journal": 7, "time": 1795435200, "end": "accepted", "rcpt": "z@our.example"}
# A line, and what is said of it.
GARBAGE = (("{", "2"), ('{"table": "nope", "key": "x"}', "table"), ('{"table": "ban"}', "key"),
           ('{"table": "ban", "key": "x", "number": "many"}', "whole numbers"), ('{"journal": 8, "end": "never"}', "end"),
           ('{"journal": -1, "end": "held"}', "journal"), ("[1]", "object"), ('{"journal": 8, "end": "held", "code": 5000}', "code"))


def works_as(user: pwd.struct_passwd, path: Path) -> bool:
    """Whether that user can write to the store."""
    child = os.fork()
    if not child:
        status = 1
        try:
            os.setgroups([])
            os.setresgid(user.pw_gid, user.pw_gid, user.pw_gid)
            os.setresuid(user.pw_uid, user.pw_uid, user.pw_uid)
            with sqlite3.connect(path) as db:
                db.execute("update entry set number = number + 1")
            status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def root_makes_it_for_the_daemon(postern: str) -> None:
    """Before the first start nobody else has made it."""
    user = pwd.getpwnam("nobody")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.chown(folder, user.pw_uid, user.pw_gid)
        store, conf = folder / "s.db", folder / "postern.conf"

        def add(entry: str, *where: object) -> int:
            done = subprocess.run([postern, "list", "add", "whitelist", entry, *map(str, where)], capture_output=True, text=True, check=False)
            return done.returncode

        conf.write_text(f"[store]\npath = {store}\n[rights]\nuser = nobody\n")
        assert add("a@b.example", "-c", conf) == 0
        assert (store.stat().st_uid, store.stat().st_gid, store.stat().st_mode & 0o7777) == (user.pw_uid, user.pw_gid, 0o600)
        assert works_as(user, store)
        with sqlite3.connect(store) as held:  # so that the log stays
            assert held.execute("select count(*) from entry").fetchone() == (1,)
            assert add("c@b.example", "-c", conf) == 0
            beside = sorted(folder.glob("s.db-*"))
            assert len(beside) == 2 and {path.stat().st_uid for path in beside} == {user.pw_uid}, beside
            assert works_as(user, store)
        held.close()

        store.unlink()
        assert add("a@b.example", "--file", store) == 0 and store.stat().st_uid == 0  # nobody said whose it is
        store.unlink()
        conf.write_text(f"[store]\npath = {store}\n[rights]\nuser = no-such-user\n")
        assert add("a@b.example", "-c", conf) == 1 and not store.exists()
        link = folder / "link.db"
        link.symlink_to(folder / "nowhere.db")
        conf.write_text(f"[store]\npath = {link}\n[rights]\nuser = nobody\n")
        assert add("a@b.example", "-c", conf) == 1 and not (folder / "nowhere.db").exists()


def main() -> int:
    postern = str(Path(sys.argv[1]).resolve())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        def run(status: int, *args: str, given: str = "") -> subprocess.CompletedProcess:
            done = subprocess.run([postern, "store", *args], input=given, capture_output=True, text=True, cwd=folder, check=False)
            assert done.returncode == status, (args, done)
            return done

        lines = "\n".join(json.dumps(line) for line in (ENTRY, BROKEN, GONE, MESSAGE, SECOND))
        (folder / "in").write_text("\n".join([lines.split("\n", 1)[0], *(line for line, _ in GARBAGE), "", lines.split("\n", 1)[1]]))
        done = run(1, "import", "--file", "a.db", "in")
        told = done.stderr.splitlines()
        for number, (line, words) in enumerate(GARBAGE, 2):
            assert told[number - 2].startswith(f"in:{number}: ") and words in told[number - 2], (line, told)
        assert told[-1] == f"postern store: {len(GARBAGE)} lines left out"

        entries = [json.loads(line) for line in run(0, "export", "--file", "a.db").stdout.splitlines()]
        assert len(entries) == 2 and entries[0] | {"changed": 5} == ENTRY and BROKEN.items() <= entries[1].items(), entries
        text = run(0, "export", "--file", "a.db", "--journal").stdout
        rows = [json.loads(line) for line in text.splitlines()[2:]]
        assert len(rows) == 2
        assert (MESSAGE | {"journal": 1}).items() <= rows[0].items(), rows
        assert rows[1]["rcpt"] == "z@our.example" and rows[1]["client"] == "192.0.2.1"

        run(0, "import", "--file", "b.db", given=text)
        again = run(0, "export", "--file", "b.db", "--journal").stdout
        assert [json.loads(line) | {"changed": 0} for line in text.splitlines()] == \
            [json.loads(line) | {"changed": 0} for line in again.splitlines()]

        facts = json.loads(run(0, "facts", "--json", "--file", "a.db").stdout)
        assert facts["entries"]["whitelist"] == 1 and facts["journal"] == {"messages": 1, "recipients": 2}, facts
        (folder / "postern.conf").write_text("[store]\npath = a.db\n")
        assert "is well" in run(0, "check", "-c", "postern.conf").stdout
        run(0, "compact", "-c", "postern.conf")
        (folder / "none.conf").write_text("")
        for status, *args in ((2, "check"), (2, "check", "-c", "none.conf"), (2, "nothing", "--file", "a.db"), (2, "check", "a.db"),
                              (2, "import", "--file", "a.db", "missing"), (1, "check", "--file", "missing.db"),
                              (1, "export", "--file", "in")):
            assert run(status, *args).stderr, args
        assert not (folder / "missing.db").exists()

        content = bytearray((folder / "a.db").read_bytes())
        content[4096:] = b"\x5a" * (len(content) - 4096)
        (folder / "a.db").write_bytes(content)
        run(1, "check", "--file", "a.db")
    if os.geteuid() == 0:
        root_makes_it_for_the_daemon(postern)
    print("postern store: all as it should be")
    return 0


if __name__ == "__main__":
    sys.exit(main())
