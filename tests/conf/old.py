#!/usr/bin/python3
"""Files of the older system load as they are: effective values and what is said about them, each file against its .expect.

    old.py POSTERN FILE.cfg          compare with FILE.expect
    old.py --write POSTERN FILE.cfg  write it; read every line of the difference before committing
"""
import difflib
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path


def values(shown: dict, folder: str):
    """Everything that is not a built-in default, one line each: section.key = value (where it comes from)."""
    for section, entries in shown.items():
        for key, entry in entries.items():
            if entry["from"] != "default":
                value = json.dumps(entry["value"], ensure_ascii=False)
                yield f"{section}.{key} = {value} ({entry['from']})".replace(folder + "/", "")


def effect(postern: str, config: Path) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        # A copy, since a checkout may be writable by the group, and such files are not believed.
        shutil.copytree(config.parent, folder, dirs_exist_ok=True, copy_function=shutil.copyfile)
        for path in Path(folder).rglob("*"):
            path.chmod(0o750 if path.is_dir() else 0o640)
        done = subprocess.run([postern, "config", "show", "--json", f"{folder}/{config.name}"], capture_output=True, text=True)
        problems = done.stderr.replace(folder + "/", "").splitlines()
        if done.returncode:
            return [f"exit status {done.returncode}", *problems]
        return [*values(json.loads(done.stdout), folder), "", *problems]


def main(args: list[str]) -> int:
    write = args[0] == "--write"
    postern, name = args[write:]
    config = Path(name)
    expected = config.with_suffix(".expect")
    got = effect(postern, config)
    if write:
        expected.write_text("\n".join(got) + "\n")
        return 0
    difference = list(difflib.unified_diff(expected.read_text().splitlines(), got, expected.name, "now", lineterm=""))
    print("\n".join(difference))
    return bool(difference)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
