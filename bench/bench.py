"""What Postern costs, against its peers in the same run (scripts/bench).

Parts: load, latency, postfix, idle, long, big, start, instructions, store, remembered, senders; all unless some are named."""
import argparse
import os
import re
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.dont_write_bytecode = True

import corpus  # noqa: E402
from load import LOAD, SESSIONS, corpus_load, run_load  # noqa: E402
from senders import PROVEN, part_senders  # noqa: E402
from subjects import BUILD, EVERYTHING, REMEMBERED, SPF, Stage, Subject, memory  # noqa: E402
from harness import net  # noqa: E402
from harness.process import Failed, Process, wait_until  # noqa: E402

ENGINES = BUILD / "bench/bench-engines"
STORE = BUILD / "bench/bench-store"


def peers(stage: Stage) -> list[Subject]:
    found = [stage.responder(), stage.libmilter("libmilter, quiet", "--quiet"), stage.libmilter("libmilter, answers all"),
             stage.postern("postern, all off"), stage.postern("postern, spf", SPF),
             stage.postern("postern, everything", EVERYTHING)]
    for peer in (stage.pyspf(), stage.rspamd()):
        if isinstance(peer, str):
            print(f"left out: {peer}")
        else:
            found.append(peer)
    return found


def part_load(stage: Stage, args: argparse.Namespace) -> None:
    subjects = peers(stage)
    slow = ("pyspf", "rspamd", "libmilter")
    for number in range(args.rounds + 1):  # the first warms caches and is not counted
        for subject in subjects:
            messages = max(args.messages // 10, 20) if subject.name.startswith(slow) else args.messages
            figures = corpus_load(subject, stage.folder / "corpus", messages)
            if number:
                subject.rounds.append(figures)
    base = next(s for s in subjects if s.name == "postern, spf")
    cpu = {s.name: statistics.median(r[3] for r in s.rounds) for s in subjects}
    print(f"{'filter':<24}{'CPU s / 1,000':>15}{'of postern, spf':>17}{'messages/s':>12}{'resident KB':>13}")
    for s in subjects:
        spread = f"{min(r[3] for r in s.rounds):.3f}-{max(r[3] for r in s.rounds):.3f}"
        print(f"{s.name:<24}{cpu[s.name]:>15.4f}{cpu[s.name] / cpu[base.name]:>17.2f}"
              f"{statistics.median(r[0] for r in s.rounds):>12.0f}{s.resident():>13}   {spread}"
              + (f", {s.refused} messages did not come through" if s.refused else ""))
    for s in subjects:
        s.stop()


def part_latency(stage: Stage, args: argparse.Namespace) -> None:
    """16 sessions, each with 20 ms between two messages: what a message waits for the filter, not for the machine."""
    print(f"{'filter':<34}{'p50 ms':>9}{'p99 ms':>9}   added p50, p99")
    for kind in ("unix", "inet"):
        def where() -> str | None:
            return None if kind == "unix" else f"inet:{net.free_port()}@127.0.0.1"
        subjects = [stage.responder(f"responder, {kind}", where()), stage.postern(f"postern all off, {kind}", "", where()),
                    stage.postern(f"postern everything, {kind}", EVERYTHING, where())]
        for number in range(args.rounds + 1):
            for s in subjects:
                figures = corpus_load(s, stage.folder / "corpus", 200, "--pause=20")
                if number:
                    s.rounds.append(figures)
        middle = {s.name: [statistics.median(r[i] for r in s.rounds) for i in (1, 2)] for s in subjects}
        floor = middle[subjects[0].name]
        for name, (p50, p99) in middle.items():
            print(f"{name:<34}{p50:>9.3f}{p99:>9.3f}   {p50 - floor[0]:.3f}, {p99 - floor[1]:.3f}")
        for s in subjects:
            s.stop()


def part_postfix(stage: Stage, args: argparse.Namespace) -> None:
    """smtp-source through Postfix to smtp-sink, with Postern in front of it, with the responder, with nothing."""
    from harness.postfix import Postfix
    if Postfix.missing() or not net.inside():
        print(f"left out: {Postfix.missing() or 'no private network here'}")
        return
    sink_port = net.free_port()
    sink = Process(["smtp-sink", "-u", "postfix", f"127.0.0.1:{sink_port}", "1000"], stage.folder / "sink.log")
    stage.running.append(sink)
    wait_until(lambda: net.listening("127.0.0.1", sink_port), 10, "smtp-sink")
    subjects = [stage.responder("responder for postfix"), stage.postern("postern all off for postfix"),
                stage.postern("postern everything for postfix", EVERYTHING), None]
    mtas = {}
    for s in subjects:
        name = s.name if s else "no milter"
        mta = Postfix(stage.folder / f"mta-{len(mtas)}", Path(s.address[5:]) if s else Path("/none"), sink_port)
        mta.folder.mkdir()
        mta._configure()
        etc = mta.folder / "etc"
        (etc / "master.cf").write_text((etc / "master.cf").read_text().replace(f"127.0.0.1:{mta.port}", f"0.0.0.0:{mta.port}")
                                       .replace(f"[::1]:{mta.port} inet n - n - - smtpd\n", ""))
        if not s:
            (etc / "main.cf").write_text(re.sub("(?m)^smtpd_milters.*$", "", (etc / "main.cf").read_text()))
        for path in etc.iterdir():
            os.utime(path, (0, 0))
        mta.process = Process(mta._command(), mta.folder / "output")
        stage.running.append(mta.process)
        try:
            mta.process.wait_ready(lambda: net.listening("127.0.0.1", mta.port))
        except Failed as e:
            raise Failed(f"{name}: {e}\n{mta.log()}") from None
        mtas[name] = mta
    rates: dict[str, list[float]] = {name: [] for name in mtas}
    for number in range(args.rounds + 1):
        for name, mta in mtas.items():
            begun = time.monotonic()
            subprocess.run(["smtp-source", "-s", "16", "-m", str(args.mails), "-l", "8000", "-f", "a@example.com", "-M",
                            "client.example.com", "-t", "b@example.net", f"192.0.2.1:{mta.port}"], check=True)
            taken = time.monotonic() - begun
            mta.drain(120)
            if number:
                rates[name].append(args.mails / taken)
    floor = statistics.median(rates["responder for postfix"])
    for name, found in rates.items():
        middle = statistics.median(found)
        paired = statistics.median(f / b for f, b in zip(found, rates["responder for postfix"]))
        print(f"{name:<34}{middle:>8.0f} messages/s  {100 * middle / floor:>6.1f} % of the responder (paired {100 * paired:.1f} %)"
              f"   {min(found):.0f}-{max(found):.0f}")
    for mta in mtas.values():
        mta.stop()
    for s in filter(None, subjects):
        s.stop()


def part_idle(stage: Stage, args: argparse.Namespace) -> None:
    for settings, name in (("", "all off"), (EVERYTHING, "everything")):
        s = stage.postern(f"postern {name}, idle", settings)
        before = s.resident()
        crowd = subprocess.Popen([LOAD, "idle", s.address, "2000", "3"], stdout=subprocess.PIPE, text=True)
        said = crowd.stdout.readline().strip()
        each = (s.resident() - before) / 2000
        crowd.wait()
        print(f"{s.name}: {said}; {before} KB before, {each:.1f} KB a session")
        s.stop()


def part_long(stage: Stage, args: argparse.Namespace) -> None:
    """Small messages, as many as asked for; resident memory on the way."""
    s = stage.postern("postern everything, long", EVERYTHING)
    samples = []
    for _ in range(args.long // (SESSIONS * 1250)):
        run_load(s.address, f"--connections={SESSIONS}", "--messages=1250", "--headers=8", "--body=2000")
        samples.append(s.resident())
    total = len(samples) * SESSIONS * 1250
    shown = samples[:: max(len(samples) // 10, 1)] + samples[-1:]
    print(f"{s.name}: {total} messages, resident KB on the way: {' '.join(map(str, shown))}; highest {max(samples)}")
    s.stop()


def part_big(stage: Stage, args: argparse.Namespace) -> None:
    size = 25 << 20
    folder = stage.own("big-mail")
    signature = b"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=none; h=from; bh=AAAA; b=AAAA\r\n"
    (folder / "big.eml").write_bytes(signature + b"From: a@example.com\r\nSubject: big\r\n\r\n" + (b"x" * 76 + b"\r\n") * (size // 78))
    for settings, name in (("", "all off"), (EVERYTHING, "everything"), (PROVEN, "spf, dkim and dmarc")):
        s = stage.postern(f"postern {name}, big", settings)
        run_load(s.address, "--connections=1", "--messages=1")
        before = memory(s.process.pid, "VmHWM")
        rate = run_load(s.address, "--connections=1", "--messages=4", f"--mail={folder}")[0]
        print(f"{s.name}: 25 MB messages, {rate:.0f} a second; highest resident {before} KB before, "
              f"{memory(s.process.pid, 'VmHWM')} KB after")
        s.stop()


def part_start(stage: Stage, args: argparse.Namespace) -> None:
    for settings, name in (("", "all off"), (EVERYTHING, "everything")):
        times = []
        for i in range(9):
            begun = time.monotonic()
            s = stage.postern(f"start {name} {i}", settings)
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(s.address[5:])
                client.sendall(bytes.fromhex("0000000d4f00000006000001ff001fffff"))
                client.recv(100)
            times.append((time.monotonic() - begun) * 1000)
            s.stop()
        print(f"start to first answer, {name}: median {statistics.median(times):.0f} ms, worst {max(times):.0f} ms "
              "(the bench looks every 20 ms)")


def part_instructions(stage: Stage, args: argparse.Namespace) -> None:
    def count(engine: str, times: int) -> int:
        text = subprocess.run(["valgrind", "--tool=callgrind", f"--callgrind-out-file={stage.folder}/callgrind", ENGINES, engine,
                               str(times)], check=True, capture_output=True, text=True).stderr
        return int(re.search(r"Collected : (\d+)", text)[1])
    for engine, turns, what in (("spf", 1000, "an SPF evaluation with one include"),
                                ("dkim", 50, "a DKIM verification of 70 KB, relaxed, RSA of 2048 bits"),
                                ("canon", 50, "the relaxed form of that body alone"),
                                ("weigh", 1000, "a weighing of three findings"),
                                ("wire", 1000, "a session's commands decoded, 12 fields, 4 KiB")):
        print(f"{what}: {(count(engine, turns + turns // 5) - count(engine, turns // 5)) / turns:.0f} instructions")


def part_store(stage: Stage, args: argparse.Namespace) -> None:
    subprocess.run([STORE, f"{stage.folder}/store.db", "1000000"], check=True)


def part_remembered(stage: Stage, args: argparse.Namespace) -> None:
    """What it costs to remember: all messages are alike, so that sessions wait for each other at the same keys."""
    subjects = [stage.postern(f"postern, {name}", settings) for name, settings in REMEMBERED.items()]
    for s in subjects:  # the greylist lets them pass from the second try on
        run_load(s.address, "--connections=1", "--messages=1")
    time.sleep(2)
    for number in range(args.rounds + 1):
        for s in subjects:
            figures = corpus_load(s, stage.folder / "corpus", max(args.messages // 4, 20))
            if number:
                s.rounds.append(figures)
    base = statistics.median(r[3] for r in subjects[0].rounds)
    print(f"{'':<34}{'CPU s / 1,000':>14}{'of the first':>14}{'messages/s':>12}{'p50 ms':>9}{'p99 ms':>9}{'bytes/message':>15}")
    for s in subjects:
        rate, p50, p99, cpu = (statistics.median(r[i] for r in s.rounds) for i in range(4))
        sent = (args.rounds + 1) * max(args.messages // 4, 20) * SESSIONS
        size = sum(f.stat().st_size for f in Path(s.address[5:]).parent.glob("store.db*") if not f.name.endswith("-shm"))
        print(f"{s.name:<34}{cpu:>14.3f}{cpu / base:>14.2f}{rate:>12.0f}{p50:>9.2f}{p99:>9.2f}{size / sent:>15.0f}")
        s.stop()


PARTS = {name[5:]: part for name, part in list(globals().items()) if name.startswith("part_")}


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    options.add_argument("--messages", type=int, default=1000, help="on each of 16 connections, in each round of load")
    options.add_argument("--mails", type=int, default=1000, help="through Postfix, in each round")
    options.add_argument("--long", type=int, default=1000000, help="messages of the part long")
    options.add_argument("--rounds", type=int, default=5)
    args = options.parse_args()
    unknown = [name for name in args.parts if name not in PARTS]
    if unknown:
        options.error(f"no part {unknown[0]}: {', '.join(PARTS)}")
    why_not = net.enter()
    if why_not:
        print(f"no private network: {why_not}")
    stage = Stage(net.folder())
    try:
        mean = corpus.write(stage.folder / "corpus")
        print(f"corpus: 100 messages, mean {mean / 1000:.1f} KB")
        for name in args.parts or PARTS:
            print(f"\n== {name}", flush=True)
            PARTS[name](stage, args)
    finally:
        stage.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
