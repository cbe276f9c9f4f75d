#!/usr/bin/python3
"""libpostern as other programs meet it: what is installed is enough, each header stands alone, and nothing else is visible.

    library.py BUILD CC…
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
BUILD, CC = Path(sys.argv[1]).resolve(), sys.argv[2:]
MESSAGE = b"From: a@example.com\r\nSubject: s\r\n\r\nHello\r\n"


def run(*command: object, **options: object) -> str:
    done = subprocess.run([*map(str, command)], capture_output=True, text=not isinstance(options.get("input"), bytes), **options)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}: {done.stdout}{done.stderr}")
    return done.stdout


def flags(root: Path, what: str) -> list[str]:
    """Ours are below the folder that stands for the root of a system."""
    folder = next(root.rglob("postern.pc")).parent
    system = run("pkg-config", "--variable", "pc_path", "pkg-config").strip()
    environment = {**os.environ, "PKG_CONFIG_LIBDIR": f"{folder}:{system}"}
    prefix = run("pkg-config", "--variable", "prefix", "postern", env=environment).strip()
    found = run("pkg-config", what, "postern", env=environment).split()
    return [re.sub(rf"^(-[IL]){re.escape(prefix)}", rf"\g<1>{root}{prefix}", flag) for flag in found]


def headers_stand_alone(root: Path, folder: Path) -> None:
    headers = sorted(next(root.rglob("include/postern")).glob("*.h"))
    assert len(headers) > 10
    for header in headers:
        source = folder / "alone.c"
        source.write_text(f"#include <postern/{header.name}>\nint alone;\n")
        run(*CC, "-std=gnu17", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", source, *flags(root, "--cflags"))


def only_the_interface_is_visible(root: Path) -> None:
    declared = "\n".join(header.read_text() for header in next(root.rglob("include/postern")).glob("*.h"))
    library = next(root.rglob("libpostern.so"))
    names = [line.split()[-1] for line in run("nm", "-D", "--defined-only", library).splitlines()]
    hidden = [name for name in names if not re.search(rf"\b{re.escape(name)}\b", declared) and not name.startswith("__")]
    assert len(names) > 100 and not hidden, hidden


def the_example_works(root: Path, folder: Path) -> None:
    """What the README of a library promises: the line in the example's own comment builds it."""
    program, postern = folder / "verify", BUILD / "postern"
    run(*CC, "-std=gnu17", "-Wall", "-Wextra", "-Werror", TOP / "examples/verify.c", *flags(root, "--cflags"), *flags(root, "--libs"),
        "-o", program)
    key = ("-k", folder / "key", "-d", "example.com", "-s", "s")
    (folder / "zone").write_text(run(postern, "dkim", "keygen", "-o", folder / "key", *key[2:]))
    signed = run(postern, "dkim", "sign", *key, "--message", input=MESSAGE)
    environment = {**os.environ, "LD_LIBRARY_PATH": str(next(root.rglob("libpostern.so")).parent)}
    for message, status, word in ((signed, 0, b"dkim=pass"), (signed.replace(b"Hello", b"Hullo"), 1, b"dkim=fail"), (MESSAGE, 1, b"dkim=none")):
        done = subprocess.run([program, folder / "zone"], input=message, capture_output=True, env=environment)
        assert done.returncode == status and word in done.stdout and not done.stderr, done


with tempfile.TemporaryDirectory() as name:
    if not shutil.which("pkg-config"):
        print("skipped: there is no pkg-config")
        sys.exit(77)
    root, work = Path(name) / "root", Path(name)
    run("meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir", root)
    headers_stand_alone(root, work)
    only_the_interface_is_visible(root)
    the_example_works(root, work)
