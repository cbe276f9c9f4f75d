#!/usr/bin/python3
"""The daemon as its administrator meets it, without an MTA: sockets, log, rights, reload, exit statuses.

    daemon.py POSTERN FAKE_MTA

What needs root is left out without it.
"""
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Callable

POSTERN, FAKE_MTA = sys.argv[1], sys.argv[2]
OPEN = "negotiate\nconnect mx.example.com 192.0.2.1 4711\n"


def until(what: Callable[[], bool], text: str, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, f"never came: {text}"
        time.sleep(0.05)


running: list[subprocess.Popen] = []


class Daemon:
    def __init__(self, folder: Path, log: str = "stderr", more: str = ""):
        self.folder, self.more = folder, more
        folder.chmod(0o755)
        self.config, self.errors = folder / "postern.conf", folder / "stderr"
        self.milter, self.control, self.log = folder / "milter.sock", folder / "control.sock", folder / "log"
        self.write(log if log == "stderr" else f"file:{self.log}")

    def write(self, log: str, more: str | None = None) -> None:
        self.config.write_text(f"[daemon]\nlisten = unix:{self.milter}\ncontrol = {self.control}\n"
                               f"{self.more if more is None else more}\n[log]\ntarget = {log}\n[dns]\nservers = 127.0.0.1@9\n")

    def start(self) -> "Daemon":
        self.process = subprocess.Popen([POSTERN, "serve", "-c", self.config], stderr=self.errors.open("w"))
        running.append(self.process)
        until(lambda: self.process.poll() is not None or "listening on" in self.text(), "listening")
        return self

    def text(self) -> str:
        return self.errors.read_text() + (self.log.read_text() if self.log.exists() else "")

    def tell(self, number: int) -> None:
        before = self.text().count("in force")
        self.process.send_signal(number)
        until(lambda: self.text().count("in force") > before or not self.log.exists(), "in force")

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(30)

    def play(self, script: str) -> str:
        return subprocess.run([FAKE_MTA, "run", f"unix:{self.milter}"], input=script, text=True, capture_output=True,
                              timeout=30).stdout


def postern(*args: object) -> int:
    return subprocess.run([POSTERN, *map(str, args)], capture_output=True, timeout=30).returncode


def a_file_in_the_place_of_the_control_socket(folder: Path) -> None:
    """It is not ours: it stays, and the daemon does not start."""
    daemon = Daemon(folder)
    daemon.control.write_text("precious")
    assert daemon.start().stop() == 2
    assert daemon.control.read_text() == "precious"
    assert "is not a socket" in daemon.text()


def sockets_go_with_the_daemon(folder: Path) -> None:
    daemon = Daemon(folder).start()
    assert daemon.milter.stat().st_mode & 0o777 == 0o660
    assert daemon.control.stat().st_mode & 0o777 == 0o600
    assert daemon.stop() == 0
    assert not daemon.milter.exists() and not daemon.control.exists()


def what_reload_says(folder: Path) -> None:
    daemon = Daemon(folder)
    assert postern("reload", "-c", daemon.config) == 75, "nobody there"
    daemon.start()
    assert postern("reload", "-c", daemon.config) == 0
    good = daemon.config.read_text()
    daemon.config.write_text(good + "[spf]\nmode = perhaps\n")
    assert postern("reload", "--socket", daemon.control) == 1
    assert postern("reload", "-c", daemon.config) == 2
    assert postern("reload", "-c", folder / "missing") == 2
    daemon.config.write_text("[spf]\nmode = on\n")
    assert postern("reload", "-c", daemon.config) == 2, "no socket named"
    daemon.config.write_text(good)
    assert daemon.stop() == 0


def a_reload_changes_log_and_limits(folder: Path) -> None:
    daemon = Daemon(folder).start()
    daemon.play(OPEN + "helo first.example\n")
    until(lambda: "first.example" in daemon.text(), "a line soon after the event")
    daemon.write(f"file:{daemon.log}\nlevel = notice", "max_sessions = 1")
    daemon.process.send_signal(signal.SIGHUP)
    until(lambda: daemon.log.exists() and "in force" in daemon.log.read_text(), "the new log")
    daemon.play(OPEN + "helo second.example\n")
    time.sleep(0.2)  # the session before has ended for the daemon too, and what it logged is written
    assert "second.example" not in daemon.text(), "the level is notice now"
    idle = subprocess.Popen([FAKE_MTA, "idle", f"unix:{daemon.milter}", "1", "20"], stdout=subprocess.PIPE)
    try:
        assert b"1 of 1" in idle.stdout.readline()
        assert "connect: 421" in daemon.play(OPEN), "a second session is one too many"
    finally:
        idle.kill()
        idle.wait()
    assert daemon.stop() == 0


def a_log_that_root_has_opened(folder: Path) -> None:
    """Whoever the daemon becomes can open its log again."""
    daemon = Daemon(folder, "file", "\n[rights]\nuser = nobody\n").start()
    daemon.tell(signal.SIGHUP)
    assert "Permission denied" not in daemon.text(), daemon.text()
    daemon.log.rename(folder / "log.1")
    daemon.log.touch(0o640)  # as logrotate's "create" does
    os.chown(daemon.log, 65534, -1)
    daemon.tell(signal.SIGHUP)
    until(lambda: "in force" in daemon.log.read_text(), "a line in the new file")
    assert "continue" in daemon.play(OPEN + "mail <a@example.com>\nrcpt <b@example.net>\n")
    assert postern("reload", "-c", daemon.config) == 0
    assert daemon.stop() == 0


def what_cannot_work_is_logged(folder: Path) -> None:
    """At start and at reload, of the shadow too; it stops neither (`config check` finds the same)."""
    shadow = folder / "next.conf"
    shadow.write_text("[spf]\nlax = yes\n")
    daemon = Daemon(folder, "file", f"[verbs]\nSPF-Fail = REJECT\n[shadow]\nconfig = {shadow}\n").start()
    ours = f"config: {daemon.config}:5: warning: a rule for SPF-Fail, but its check is switched off"
    its = f"config: {shadow}:2: warning: [spf] lax does nothing"
    until(lambda: ours in daemon.text() and its in daemon.text(), "both warnings, in the log")
    daemon.write(f"file:{daemon.log}", "[spf]\nmode = header\nexplanation = x\n")
    done = subprocess.run([POSTERN, "reload", "-c", daemon.config], capture_output=True, text=True, timeout=30)
    new = f"{daemon.config}:6: warning: [spf] explanation does nothing unless [spf] mode = on"
    assert done.returncode == 0 and new in done.stdout, done
    until(lambda: daemon.text().count(f"config: {new}") == 1, "the new warning, in the log")
    assert daemon.text().count(ours) == 1, daemon.text()
    assert daemon.stop() == 0


def make_key(path: Path, selector: str) -> str:
    """The line for the zone."""
    return subprocess.run([POSTERN, "dkim", "keygen", "--type", "ed25519", "-d", "our.example", "-s", selector, "-o", path],
                          capture_output=True, text=True, check=True).stdout


def doctor(daemon: Daemon, check: str, zone: Path) -> list[dict[str, str]]:
    """What it says of that, notes too."""
    done = subprocess.run([POSTERN, "doctor", "--json", "-c", daemon.config, "--zone", zone], capture_output=True, text=True, timeout=60)
    return [f for f in json.loads(done.stdout).get("findings", []) if f["check"] == check]


def a_correction_is_seen(folder: Path) -> None:
    """Also in a file that only the configuration names that could not be used."""
    zone, table, key, new = (folder / name for name in ("zone", "keytable", "old.pem", "new.pem"))
    zone.write_text(make_key(key, "old"))
    table.write_text(f"our.example old {key}\n")
    daemon = Daemon(folder, more=f"[sign]\nkeytable = {table}\n").start()
    assert [f["severity"] for f in doctor(daemon, "config", zone)] == ["note"], "logins without a domain sign nothing"
    new.write_text("not yet\n")
    new.chmod(0o600)
    table.write_text(f"our.example new {new}\n")
    until(lambda: "stays in force" in daemon.text(), "the fault")
    new.unlink()
    make_key(new, "new")
    until(lambda: f"{daemon.config} is in force" in daemon.text(), "the correction")
    new.chmod(0o604)
    until(lambda: "everybody can read" in daemon.text(), "rights are a change, too")
    new.chmod(0o600)
    until(lambda: daemon.text().count(f"{daemon.config} is in force") == 2, "and so is their correction")
    assert daemon.stop() == 0


def what_the_doctor_says_of_keys(folder: Path) -> None:
    """Each once, whatever patterns it signs for; and another key in the DNS is told from none."""
    zone, table, first, second = (folder / name for name in ("zone", "keytable", "1.pem", "2.pem"))
    right, wrong = make_key(first, "one"), make_key(second, "one")
    zone.write_text("")
    table.write_text(f"our.example one {first}\n*.our.example one {first} domain=our.example\n")
    daemon = Daemon(folder, more=f"[sign]\nkeytable = {table}\n").start()
    [missing] = doctor(daemon, "keys", zone)
    assert "there is no key record" in missing["text"] and missing["change"] == right.strip(), missing
    zone.write_text(wrong)
    [other] = doctor(daemon, "keys", zone)
    assert "another" in other["text"] and other["change"] == right.strip(), other
    zone.write_text(right)
    assert doctor(daemon, "keys", zone) == []
    assert daemon.stop() == 0


def what_the_daemons_user_may_not_read(folder: Path) -> None:
    """Root reads it at start, and nobody at reload: the doctor says so, and what helps."""
    zone, table, key = (folder / name for name in ("zone", "keytable", "1.pem"))
    zone.write_text(make_key(key, "one"))
    table.write_text(f"our.example one {key}\n")
    daemon = Daemon(folder, more=f"[rights]\nuser = nobody\n[sign]\nkeytable = {table}\n").start()
    [finding] = doctor(daemon, "rights", zone)
    assert str(key) in finding["text"] and finding["severity"] == "error", finding
    assert postern("reload", "-c", daemon.config) == 1
    assert any("older configuration" in f["text"] for f in doctor(daemon, "config", zone))
    subprocess.run(finding["change"], shell=True, check=True)
    assert doctor(daemon, "rights", zone) == []
    until(lambda: f"{daemon.config} is in force" in daemon.text(), "it is read by itself")
    assert daemon.stop() == 0


TESTS: list[tuple[Callable[[Path], None], bool]] = [
    (a_file_in_the_place_of_the_control_socket, False), (sockets_go_with_the_daemon, False), (what_reload_says, False),
    (a_reload_changes_log_and_limits, False), (a_log_that_root_has_opened, True),
    (what_cannot_work_is_logged, False), (a_correction_is_seen, False), (what_the_doctor_says_of_keys, False),
    (what_the_daemons_user_may_not_read, True),
]

failed = 0
for test, needs_root in TESTS:
    if needs_root and os.geteuid() != 0:
        print(f"skipped {test.__name__}: needs root")
        continue
    with tempfile.TemporaryDirectory() as name:
        try:
            test(Path(name))
            print(f"ok      {test.__name__}")
        except Exception as e:
            failed += 1
            print(f"FAILED  {test.__name__}: {type(e).__name__}: {e}")
            errors = Path(name) / "stderr"
            print(errors.read_text() if errors.exists() else "")
        finally:
            for process in running:
                process.kill()
                process.wait()
            running.clear()
sys.exit(1 if failed else 0)
