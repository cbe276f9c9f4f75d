"""The load generator, and what a filter has cost meanwhile."""
import re
import subprocess
from collections import Counter
from pathlib import Path

from subjects import BUILD, Subject

LOAD = BUILD / "tests/fakes/fake-mta"
SESSIONS = 16
HELO = "mail.silent.example"  # without an SPF record: what is counted is of the envelope sender
REFUSED_MAX = 0.01  # of a peer's messages: pyspf-milter fails with one in a thousand


def talk(address: str, *options: str | Path) -> str:
    done = subprocess.run([LOAD, "load", address, *options], capture_output=True, text=True)
    if not re.search(r"\d+ refused", done.stdout):
        raise SystemExit(f"{address}: {done.stdout}{done.stderr}")
    return done.stdout


def run_load(address: str, *options: str | Path) -> tuple[float, float, float, int]:
    """Messages a second, p50 and p99 in ms, messages refused."""
    found = re.search(r"(\d+) refused, [\d.]+ s, (\d+) a second, p50 ([\d.]+) ms, p99 ([\d.]+)", talk(address, *options))
    return float(found[2]), float(found[3]), float(found[4]), int(found[1])


def corpus_load(subject: Subject, mail: Path, messages: int, *options: str) -> tuple[float, float, float, float]:
    """CPU seconds per 1,000 messages instead of the seconds."""
    before = subject.cpu()
    rate, p50, p99, refused = run_load(subject.address, f"--connections={SESSIONS}", f"--messages={messages}", f"--mail={mail}",
                                       *options)
    if refused:
        subject.refused += refused
        if subject.name.startswith(("postern", "responder")):
            raise SystemExit(f"{subject.name}: {refused} messages did not come through")
    return rate, p50, p99, (subject.cpu() - before) * 1000 / (messages * SESSIONS)


def counted_load(subject: Subject, mail: Path, turns: int, wanted: Counter) -> float:
    """Each of the 100 letters so many times on each session. CPU seconds per 1,000 messages, if each of the texts `wanted` stands in
    as many messages' added fields as it is said to in 100; else there is nothing to be measured. Of a peer's, a few may be refused."""
    messages = 100 * turns * SESSIONS
    before = subject.cpu()
    said = talk(subject.address, f"--connections={SESSIONS}", f"--messages={100 * turns}", f"--mail={mail}", f"--helo={HELO}",
                *(f"--count={text}" for text in wanted))
    cpu = subject.cpu() - before
    refused = int(re.search(r"(\d+) refused", said)[1])
    found = {text: int(n) for n, text in re.findall(r"(?m)^(\d+) (\S.*)$", said)}
    lacking = {text: n * turns * SESSIONS - found[text] for text, n in wanted.items()}
    if refused > messages * (0 if subject.name.startswith("postern") else REFUSED_MAX) or \
            not all(0 <= n <= refused for n in lacking.values()):
        raise SystemExit(f"{subject.name} did not do its work: {said}\nin 100: {dict(wanted)}")
    subject.refused += refused
    return cpu * 1000 / messages
