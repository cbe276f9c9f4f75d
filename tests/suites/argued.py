#!/usr/bin/python3
"""Runs the conformance runner as it is; a case may fail only where the documentation argues by name that it must.

    argued.py DEPARTURES COMMAND…

The runner knows no exceptions. DEPARTURES (docs/rfc-departures.md) does: a failing case whose id stands there in backquotes is counted as
skipped, any other fails the run, and so does one that is argued and passes, since the argument is out of date then. `FILE.json ID` is
argued for all kinds that read the file, `FILE.json ID (KIND)` for one.
"""
import re
import subprocess
import sys
from pathlib import Path

SUMMARY = re.compile(r"^(\d+) passed, (\d+) failed, (\d+) skipped$", re.M)


def main(departures: str, *command: str) -> int:
    done = subprocess.run(command, capture_output=True, text=True)
    sys.stderr.write(done.stderr)
    summary = SUMMARY.search(done.stdout)
    if done.returncode not in (0, 1) or not summary:
        sys.stdout.write(done.stdout)
        return done.returncode or 1
    passed, failed, skipped = map(int, summary.groups())
    # Ids of this kind's files only: "dmarc-025" is argued for the kind "dmarc".
    argued = set(re.findall(r"`([a-z0-9-]+)\.json ([\w-]+)(?: \(([a-z-]+)\))?`", Path(departures).read_text()))
    files = {Path(word).stem for word in command if word.endswith(".json")}
    wanted = {name for file, name, kind in argued if file in files and (not kind or kind in command)}
    failing = set(re.findall(r"^FAIL ([^:]+):", done.stdout, re.M))
    for line in done.stdout.splitlines():
        if not SUMMARY.match(line):
            print(line)
    for name in sorted(wanted & failing):
        print(f"SKIP {name}: argued in {departures}")
    for name in sorted(wanted - failing):
        print(f"FAIL {name}: it passes, but {departures} argues that it must not")
    argued_here = len(wanted & failing)
    wrong = failed - argued_here + len(wanted - failing)
    print(f"{passed} passed, {wrong} failed, {skipped + argued_here} skipped")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
