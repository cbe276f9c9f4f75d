#!/usr/bin/python3
"""Includes only point down, and each library of others is known to one folder. Greps every #include of lib/, include/ and src/.

    layering.py TOP
"""
import re
import sys
from pathlib import Path

# Lowest first; rooms on one line do not know each other.
LAYERS = (("base",), ("conf",), ("net", "store"), ("policy",), ("flow",), ("checks", "actions"), ("mta",), ("admin",), ("app",))
LEVEL = {room: level for level, rooms in enumerate(LAYERS) for room in rooms}

# Who may include a library's headers. GLib (with GIO) is the base type library and is everybody's.
OWNERS = {
    "json-glib/": {"src/base"},
    "unbound.h": {"src/net"},
    "openssl/": {"lib"},
    "idn2.h": {"lib"},
    "libpsl.h": {"lib"},
    "systemd/sd-journal.h": {"src/base"},
    "systemd/sd-daemon.h": {"src/base"},
    "seccomp.h": {"src/app"},
    "sqlite3.h": {"src/store"},
}
EVERYBODYS = re.compile(r"(glib|gio)([/.-]|$)|gio-unix|glib-unix")
LIBC = re.compile(r"(sys|arpa|net|netinet|linux)/\w+\.h$|(assert|ctype|dirent|dlfcn|endian|errno|fcntl|float|fnmatch|getopt|glob|grp|"
                  r"inttypes|limits|locale|malloc|math|netdb|poll|pthread|pwd|sched|semaphore|setjmp|signal|stdalign|stdarg|"
                  r"stdatomic|stdbool|stddef|stdint|stdio|stdlib|string|strings|syslog|time|unistd|wchar)\.h$")
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)


def complaint(place: str, quote: str, header: str, own_headers: set[str]) -> str | None:
    """`place` is include/postern, lib or src/ROOM."""
    room = place.removeprefix("src/")
    if quote == '"':
        if "/" not in header:
            return None if place == "lib" and header in own_headers else "write it from the top: \"room/header.h\""
        target = header.partition("/")[0]
        if not place.startswith("src/"):
            return f"{place} stands apart from src/"
        if target not in LEVEL:
            return f"there is no room {target}"
        if target != room and LEVEL[target] >= LEVEL[room]:
            return f"{room} is not above {target}"
        return None
    if header.startswith("postern/"):
        return None
    if EVERYBODYS.match(header) or LIBC.match(header):
        return None
    for prefix, owners in OWNERS.items():
        if header.startswith(prefix):
            return None if place in owners else f"only {', '.join(sorted(owners))} may include it"
    if place == "include/postern":
        return "a public header includes only public headers"
    return "a library without an owner: name one in tests/layering.py"


# What the rules must say, so that a rule that never complains is noticed.
RULES = (
    ("src/conf", '"', "base/log.h", True),
    ("src/base", '"', "conf/config.h", False),
    ("src/net", '"', "store/store.h", False),
    ("src/checks", '"', "actions/sign.h", False),
    ("src/mta", '"', "flow/session.h", True),
    ("src/mta", '"', "milter.h", False),
    ("lib", '"', "base/log.h", False),
    ("src/base", "<", "json-glib/json-glib.h", True),
    ("src/mta", "<", "json-glib/json-glib.h", False),
    ("src/app", "<", "unheard/of.h", False),
    ("include/postern", "<", "openssl/evp.h", False),
    ("include/postern", "<", "glib.h", True),
)


def place_of(path: Path, top: Path) -> str:
    parts = path.relative_to(top).parts
    return "lib" if parts[0] == "lib" else "/".join(parts[:2])


def main() -> int:
    top = Path(sys.argv[1]).resolve()
    for *include, right in RULES:
        assert (complaint(*include, set()) is None) == right, include
    seen = failed = 0
    for path in sorted(p for d in ("include", "lib", "src") for p in (top / d).rglob("*.[ch]")):
        text = path.read_text(errors="replace")
        place = place_of(path, top)
        for match in INCLUDE.finditer(text):
            seen += 1
            why = complaint(place, match[1], match[2], {p.name for p in path.parent.glob("*.h")})
            if why:
                failed += 1
                print(f"{path.relative_to(top)}:{text.count(chr(10), 0, match.start(2)) + 1}: {match[2]}: {why}")
    print(f"{seen} includes, {failed} wrong")
    return 1 if failed or not seen else 0


if __name__ == "__main__":
    sys.exit(main())
