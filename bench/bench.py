"""Postern against a libmilter filter that does nothing: same load, same run (scripts/bench)."""
import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TOP / "tests/live"))

from harness.filter import BUILD, NullMilter, POSTERN  # noqa: E402
from harness.process import Process, wait_until  # noqa: E402

LOAD = BUILD / "tests/fakes/fake-mta"
ZONE = """
example.com TXT "v=spf1 include:_spf.example.com -all"
_spf.example.com TXT "v=spf1 ip4:198.51.100.0/24 ip4:192.0.2.0/24 -all"
client.example.com TXT "v=spf1 a -all"
client.example.com A 192.0.2.1
1.2.0.192.in-addr.arpa PTR client.example.com
"""
NOTHING = ""
SPF = "[spf]\nmode = on\n[authres]\nadd = yes\n"
ALL = SPF + """[connection]
hello_checks = yes
ptr_checks = yes
iprev = yes
hello_blacklist = mx.example.net
max_demerits = 10
[sender]
syntax_checks = yes
message_id_checks = yes
internal_domains = example.net
no_mail_to = mailer-daemon@*
"""


@dataclass
class Subject:
    name: str
    process: Process
    address: str


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident(pid: int) -> int:
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1])


def start_dns(folder: Path) -> tuple[Process, str]:
    zone, ready = folder / "zone", folder / "dns.port"
    zone.write_text(ZONE)
    process = Process([sys.executable, TOP / "tests/fakes/dns.py", "--port", "0", "--zone", zone, "--ready-file", ready],
                      folder / "dns.log")
    wait_until(lambda: ready.exists() and ready.read_text().strip() != "", 10, "the name server")
    return process, ready.read_text().split()[-1]


def start_postern(folder: Path, name: str, port: str, settings: str) -> Subject:
    folder = folder / name.replace(" ", "-").replace(",", "")
    folder.mkdir()
    socket, config = folder / "milter.sock", folder / "postern.conf"
    config.write_text(f"[daemon]\nlisten = unix:{socket}\n[log]\ntarget = file:{folder}/log\n"
                      f"[dns]\nservers = 127.0.0.1@{port}\n{settings}")
    config.chmod(0o644)
    process = Process([POSTERN, "serve", "-c", config], folder / "stderr")
    wait_until(socket.exists, 10, name)
    return Subject(name, process, f"unix:{socket}")


def start_null(folder: Path, name: str, *options: str) -> Subject:
    socket = folder / f"{name.replace(' ', '-')}.sock"
    null = NullMilter(socket, folder, *options)
    return Subject(name, null.process, f"unix:{socket}")


def load(subject: Subject, connections: int, messages: int) -> tuple[float, float, str]:
    """CPU seconds of the filter per 1,000 messages, messages a second, and the load generator's own line."""
    before = cpu_seconds(subject.process.pid)
    line = subprocess.run([LOAD, "load", subject.address, f"--connections={connections}", f"--messages={messages}",
                           "--headers=8", "--body=4096", "--rcpts=1"], check=True, capture_output=True, text=True).stdout.strip()
    spent = cpu_seconds(subject.process.pid) - before
    total = connections * messages
    rate = float(re.search(r"([\d.]+) a second", line)[1])
    return spent / total * 1000, rate, line


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--connections", type=int, default=16)
    options.add_argument("--messages", type=int, default=1000, help="on each connection")
    options.add_argument("--rounds", type=int, default=5)
    args = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="postern-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        dns, port = start_dns(folder)
        subjects = [start_null(folder, "libmilter answers all"), start_null(folder, "libmilter quiet", "--quiet"),
                    start_postern(folder, "postern empty", port, NOTHING),
                    start_postern(folder, "postern spf", port, SPF),
                    start_postern(folder, "postern everything", port, ALL)]
        rounds: dict[str, list[tuple[float, float]]] = {s.name: [] for s in subjects}
        try:
            for number in range(args.rounds + 1):  # the first warms caches and is not counted
                for subject in subjects:
                    cpu, rate, line = load(subject, args.connections, args.messages)
                    if number:
                        rounds[subject.name].append((cpu, rate))
                        print(f"round {number}: {subject.name}: {cpu:.3f} CPU s per 1,000, {line}", flush=True)
            peer = statistics.median(cpu for cpu, _ in rounds[subjects[0].name])
            print(f"\n{'filter':<24}{'CPU s / 1,000':>15}{'ratio':>8}{'messages/s':>12}{'resident KB':>13}")
            for subject in subjects:
                cpu = statistics.median(c for c, _ in rounds[subject.name])
                rate = statistics.median(r for _, r in rounds[subject.name])
                print(f"{subject.name:<24}{cpu:>15.3f}{cpu / peer:>8.2f}{rate:>12.0f}{resident(subject.process.pid):>13}")
        finally:
            for subject in subjects:
                subject.process.stop()
            dns.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
