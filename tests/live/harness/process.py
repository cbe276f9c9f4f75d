"""Programs that the bench starts: each has a log file, is waited for, and is stopped by its process id."""
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Callable, Mapping, Sequence


class Failed(Exception):
    """A program of the bench did not do what it must; the text ends with its log."""


def wait_until(done: Callable[[], bool], timeout: float, what: str, step: float = 0.02) -> None:
    end = time.monotonic() + timeout
    while not done():
        if time.monotonic() > end:
            raise Failed(f"{what}: not within {timeout:g} s")
        time.sleep(step)


def run(*args: str | Path, **kwargs) -> str:
    """Runs to the end, returns the output; raises Failed with the errors."""
    r = subprocess.run([str(a) for a in args], capture_output=True, text=True, **kwargs)
    if r.returncode != 0:
        raise Failed(f"{' '.join(map(str, args))}: status {r.returncode}\n{r.stdout}{r.stderr}")
    return r.stdout


class Process:
    def __init__(self, args: Sequence[str | Path], log: Path, env: Mapping[str, str] | None = None):
        self.args = [str(a) for a in args]
        self.log_path = log
        with open(log, "ab") as out:
            # Whatever becomes of us, nothing of the bench stays behind.
            self.popen = subprocess.Popen(["setpriv", "--pdeathsig", "TERM", "--", *self.args],
                                          stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                                          env={**os.environ, **(env or {})}, start_new_session=True)

    @property
    def pid(self) -> int:
        return self.popen.pid

    def log(self) -> str:
        return self.log_path.read_text(errors="backslashreplace")

    def running(self) -> bool:
        return self.popen.poll() is None

    def wait_ready(self, ready: Callable[[], bool], timeout: float = 10) -> None:
        def done() -> bool:
            if not self.running():
                raise Failed(f"{self.args[0]} ended with status {self.popen.returncode}\n{self.log()}")
            return ready()
        try:
            wait_until(done, timeout, f"{self.args[0]} is ready")
        except Failed as e:
            self.stop()
            raise Failed(f"{e}\n{self.log()}") from None

    def tell(self, number: int) -> None:
        self.popen.send_signal(number)

    def kill(self) -> None:
        """At once, with all that it has started: it leads a process group of its own."""
        try:
            os.killpg(self.popen.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.popen.wait()

    def stop(self, timeout: float = 10, number: int = signal.SIGTERM) -> int:
        """The exit status; a program that does not end in time is killed, and that is a failure."""
        if self.running():
            self.tell(number)
            try:
                self.popen.wait(timeout)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait()
                raise Failed(f"{self.args[0]} did not stop within {timeout:g} s\n{self.log()}") from None
        return self.popen.returncode
