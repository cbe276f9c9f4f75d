"""SPF, DKIM, DMARC and the header fields that tell of them: Postern against its peers, and what each part of it costs."""
import argparse
import statistics
from collections import Counter
from pathlib import Path

import signed
from load import HELO, counted_load, run_load
from subjects import Stage, Subject

# Each with the texts that must stand in the header fields it adds.
PROVEN = "[spf]\nmode = on\n[dkim]\nverify = on\n[dmarc]\nmode = on\n[authres]\nadd = yes\n"
PARTS = {
    "postern, Authentication-Results only": ("[authres]\nadd = yes\n", ()),
    "postern, spf": ("[spf]\nmode = on\n[authres]\nadd = yes\n", ("spf",)),
    "postern, dkim": ("[dkim]\nverify = on\n[authres]\nadd = yes\n", ("dkim",)),
    "postern, spf and dkim": ("[spf]\nmode = on\n[dkim]\nverify = on\n[authres]\nadd = yes\n", ("spf", "dkim")),
    "postern": (PROVEN, ("spf", "dkim", "dmarc")),
}
CHAIN = "opendkim, pyspf-milter, opendmarc"


def only(expected: Counter, methods: tuple[str, ...]) -> Counter:
    return Counter({text: n for text, n in expected.items() if text.startswith(methods)} if methods else {})


def with_names(expected: Counter) -> Counter:
    """pyspf-milter goes on to the client's name where the sender's domain has no record, and that passes."""
    spf = only(expected, ("spf",))
    return spf + Counter({"spf=pass": 100 - spf.total()})


def passed_on(stage: Stage, subject: Subject, mail: Path, name: str) -> Path:
    """The corpus as the filter after this one sees it."""
    folder = stage.own(name)
    run_load(subject.address, "--connections=1", "--messages=100", f"--mail={mail}", f"--helo={HELO}",
             f"--save={folder}")
    return folder


def start_chain(stage: Stage, mail: Path, expected: Counter) -> list[tuple[Subject, Path, Counter]] | str:
    started = []
    for start, texts in ((stage.opendkim, only(expected, ("dkim",))), (stage.pyspf, with_names(expected)),
                         (stage.opendmarc, only(expected, ("dmarc",)))):
        subject = start()
        if isinstance(subject, str):
            return subject
        started.append((subject, mail, texts))
        mail = passed_on(stage, subject, mail, f"mail after {subject.name}")
    return started


def part_senders(stage: Stage, args: argparse.Namespace) -> None:
    """A peer's round is one load of the same messages; the chain's is one load for each of its three, and their sum. Each sees the
    fields that the ones before it have added: OpenDMARC decides by these."""
    keys = signed.Keys()
    mail = stage.folder / "signed"
    mean, expected = signed.write(mail, keys)
    stage.add_names(signed.zone(keys))
    print(f"corpus: 100 messages, mean {mean / 1000:.1f} KB; {', '.join(f'{t} {n}' for t, n in sorted(expected.items()))}")
    subjects = {name: [(stage.postern(name, settings), mail, only(expected, methods))]
                for name, (settings, methods) in PARTS.items()}
    for name, start in ((CHAIN, lambda: start_chain(stage, mail, expected)),
                        ("rspamd, the same modules", lambda: stage.rspamd_senders())):
        found = start()
        if isinstance(found, str):
            print(f"left out: {name}: {found}")
        else:
            subjects[name] = found if isinstance(found, list) else [(found, mail, expected)]
    measure(subjects, args.rounds)


def measure(subjects: dict[str, list[tuple[Subject, Path, Counter]]], rounds: int) -> None:
    """They take turns; the first round warms caches and is not counted."""
    for number in range(rounds + 1):
        for name, steps in subjects.items():
            for subject, mail, texts in steps:
                cpu = counted_load(subject, mail, 4 if name.startswith("postern") else 1, texts)
                if number:
                    subject.rounds.append(cpu)
    sums = {name: [sum(each) for each in zip(*(s.rounds for s, _, _ in steps))] for name, steps in subjects.items()}
    print(f"{'filter':<38}{'CPU s / 1,000':>14}{'of postern, paired':>20}{'resident KB':>13}")
    for name, steps in subjects.items():
        line(name, sums[name], sums["postern"], sum(s.resident() for s, _, _ in steps))
        for subject, _, _ in steps if len(steps) > 1 else ():
            line(f"  {subject.name}", subject.rounds, sums["postern"], subject.resident())
    for subject in (s for steps in subjects.values() for s, _, _ in steps):
        if subject.refused:
            print(f"{subject.name}: {subject.refused} messages did not come through")
        subject.stop()


def line(name: str, rounds: list[float], base: list[float], resident: int) -> None:
    paired = statistics.median(r / b for r, b in zip(rounds, base))
    print(f"{name:<38}{statistics.median(rounds):>14.4f}{paired:>20.2f}{resident:>13}   {min(rounds):.4f}-{max(rounds):.4f}")
