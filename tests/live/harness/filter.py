"""What stands at the milter socket: Postern, or the milter that does nothing."""
import os
import re
import signal
import socket
import time
from pathlib import Path
from typing import Mapping

from .process import Failed, Process, wait_until

TOP = Path(__file__).resolve().parents[3]
BUILD = Path(os.environ.get("POSTERN_BUILD", TOP / "build"))
POSTERN = Path(os.environ.get("POSTERN") or next(
    (p for p in (BUILD / "postern", BUILD / "src/postern", BUILD / "src/app/postern") if p.exists()), BUILD / "postern"))
NULL_MILTER = Path(os.environ.get("NULL_MILTER", BUILD / "bench/null-milter"))
SANITIZERS = {"ASAN_OPTIONS": "abort_on_error=0:detect_stack_use_after_return=1", "UBSAN_OPTIONS": "print_stacktrace=1",
              "TSAN_OPTIONS": "second_deadlock_stack=1",
              # GLib hands memory from thread to thread out of ThreadSanitizer's sight, unless it comes from malloc.
              "G_SLICE": "always-malloc"}
TROUBLE = re.compile(r"\b(error|warning):|ERROR: \w+Sanitizer|WARNING: \w+Sanitizer|runtime error:|Assertion|CRITICAL")

Settings = Mapping[str, Mapping[str, str]]


def answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as s:
        try:
            s.connect(str(path))
            return True
        except OSError:
            return False


class NullMilter:
    def __init__(self, milter: Path, folder: Path, *options: str):
        self.milter = milter
        milter.unlink(missing_ok=True)
        self.process = Process([NULL_MILTER, *options, f"unix:{milter}"], folder / "null-milter.log")
        self.process.wait_ready(lambda: answers(milter))
        milter.chmod(0o666)

    def log(self) -> str:
        return self.process.log()

    def stop(self) -> None:
        self.process.stop(number=signal.SIGKILL)  # libmilter needs 5 s to notice SIGTERM
        self.milter.unlink(missing_ok=True)


class Postern:
    """The daemon with a configuration file of its own. `expect` are patterns of warnings and errors that the test means to
    cause; any other one fails it when the daemon is stopped."""

    def __init__(self, folder: Path, milter: Path, dns: str, settings: Settings, files: Mapping[str, str] | None = None):
        self.folder = folder
        self.milter = milter
        self.dns = dns
        self.config = folder / "postern.conf"
        self.expected: list[str] = []
        folder.mkdir(parents=True, exist_ok=True)
        self.write(settings, files)
        self.process = Process([POSTERN, "serve", "-c", self.config], folder / "log", env=SANITIZERS)
        self.process.wait_ready(lambda: answers(milter), timeout=20)

    def write(self, settings: Settings, files: Mapping[str, str] | None = None) -> None:
        """`@name` in a value stands for the path of that file."""
        for name, text in (files or {}).items():
            (self.folder / name).write_text(text)
        merged: dict[str, dict[str, str]] = {
            "daemon": {"listen": f"unix:{self.milter}", "socket_mode": "0666", "temp_dir": str(self.folder)},
            "log": {"target": "stderr"},
            "dns": {"servers": self.dns, "timeout_ms": "1000"},
        }
        for section, values in settings.items():
            merged.setdefault(section, {}).update(values)
        self.config.write_text("".join(
            f"[{section}]\n" + "".join(f"{k} = {v.replace('@', f'{self.folder}/', 1) if v.startswith('@') else v}\n"
                                       for k, v in values.items()) for section, values in merged.items()))

    def reload(self, settings: Settings, files: Mapping[str, str] | None = None) -> None:
        self.write(settings, files)
        before = len(self.lines())
        self.process.tell(signal.SIGHUP)
        wait_until(lambda: any(" in force" in line for line in self.lines()[before:]), 5, "the log tells of the reload")

    def again(self) -> None:
        """Another process with the same file, where a reload would not do."""
        self.process.stop()
        self.process = Process([POSTERN, "serve", "-c", self.config], self.folder / "log", env=SANITIZERS)
        self.process.wait_ready(lambda: answers(self.milter), timeout=20)

    def log(self) -> str:
        """All lines of what the MTA has been answered: the log is written a few milliseconds later."""
        time.sleep(0.05)
        return self.process.log()

    def lines(self) -> list[str]:
        return self.log().splitlines()

    def expect(self, *patterns: str) -> None:
        self.expected += patterns

    def trouble(self) -> list[str]:
        return [line for line in self.lines()
                if TROUBLE.search(line) and not any(re.search(p, line) for p in self.expected)]

    def stop(self, timeout: float = 20) -> None:
        status = self.process.stop(timeout)
        if status != 0:
            raise Failed(f"postern ended with status {status}\n{self.log()}")
        if self.trouble():
            raise Failed("postern logged what the test did not expect:\n" + "\n".join(self.trouble()))
