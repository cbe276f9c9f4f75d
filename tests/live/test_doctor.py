"""postern doctor: a good set-up has nothing against it, and each thing that is wrong is named with the line to change (K11)."""
import json
import os
import re
import resource
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Callable, Iterator

import pytest

from cases import ALICE, BOB
from harness import net
from harness.filter import BUILD, POSTERN, SANITIZERS, Postern
from harness.process import run
from harness.text import message
from harness.world import World

# Of this machine, and not of what the test has set up.
HOST = ("name", "clock", "limits", "resolver")


def doctor(postern: Postern, *arguments: str | Path) -> tuple[int, list[dict[str, str]]]:
    done = subprocess.run([POSTERN, "doctor", "--json", "-c", postern.config, *arguments], capture_output=True, text=True,
                          timeout=60, env={**os.environ, **SANITIZERS})
    assert done.returncode in (0, 1), done.stderr
    findings = json.loads(done.stdout).get("findings", [])
    bad = [f for f in findings if f["severity"] != "note"]
    assert (done.returncode == 1) == bool(bad), done
    return done.returncode, [f for f in findings if f["check"] not in HOST]


def bad(findings: list[dict[str, str]]) -> list[dict[str, str]]:
    return [f for f in findings if f["severity"] != "note"]


def serve(world: World, **daemon: str) -> Postern:
    # The world's sockets are open to everybody, on purpose: the doctor is right to mind.
    return world.serve({"daemon": {"control": "@control.sock", "socket_mode": "0666", **daemon}})


def of_mta(world: World) -> tuple[str, Path]:
    return ("--postfix", world.mta.folder / "etc") if world.mta.name == "postfix" else ("--sendmail", world.mta.folder / "sendmail.cf")


def test_good(world: World) -> None:
    postern = serve(world)
    assert world.send(ALICE, BOB, message("macros")).accepted
    _, findings = doctor(postern, *of_mta(world))
    assert [f["change"] for f in bad(findings)] == ["[daemon] socket_mode = 0660"], findings
    came = [f["text"] for f in findings if f["text"].startswith("came from")]
    assert any(f"came from {world.mta.name} connect" in text and " j" in text for text in came), came


def test_nobody_there(world: World, tmp_path: Path) -> None:
    config = tmp_path / "postern.conf"
    config.write_text(f"[daemon]\nlisten = unix:{tmp_path}/none.sock\nstage_timeout = 8s\n[policy]\nquarantine_dir = {tmp_path}/none\n")
    done = subprocess.run([POSTERN, "doctor", "-c", config], capture_output=True, text=True, timeout=60,
                          env={**os.environ, **SANITIZERS})
    assert done.returncode == 1
    assert "error: sockets:" in done.stdout and "none.sock" in done.stdout, done.stdout
    assert f"install -d -m 0700 {tmp_path}/none" in done.stdout, done.stdout
    config.write_text("[spf]\nmode = perhaps\n")
    done = subprocess.run([POSTERN, "doctor", "-c", config], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "postern.conf: line 2" in done.stdout, done.stdout


# A fault is put into the files of the MTA that runs. The doctor names the line; that line is put where it says, and nothing
# else; then the doctor is content, and mail passes.

Finding = dict[str, str]


def files_of(world: World) -> list[Path]:
    return [world.mta.folder / name for name in (("etc/main.cf", "etc/master.cf") if world.mta.name == "postfix" else
                                                 ("sendmail.mc", "sendmail.cf"))]


def use(world: World) -> None:
    """The MTA anew, by what its files say."""
    for path in files_of(world):
        os.utime(path, (0, 0))  # Postfix waits for what has just changed
    if world.mta.name == "sendmail":
        (world.mta.folder / "sendmail.cf").write_text(run("m4", world.mta.folder / "sendmail.mc"))
    world.mta.again()


@contextmanager
def sick(world: World, path: Path, right: str | None, wrong: str) -> Iterator[None]:
    """`right` None: a line more."""
    good = {p: p.read_text() for p in files_of(world)}
    assert right is None or right in good[path], right
    path.write_text(good[path] + wrong + "\n" if right is None else good[path].replace(right, wrong))
    try:
        use(world)
        yield
    finally:
        for p, text in good.items():
            p.write_text(text)
        use(world)


def mend_line(path: Path, change: str) -> None:
    """A line `name = value`: in place of all that set that name, else at the end."""
    name = change.split("=")[0].strip()
    lines = [line for line in path.read_text().splitlines() if line.split("=")[0].strip() != name]
    path.write_text("\n".join([*lines, change]) + "\n")


def mend_ours(postern: Postern, change: str) -> None:
    """`[section] name = value, name = value` in our own file."""
    section, settings = re.fullmatch(r"(\[\w+\]) (.*)", change).groups()
    lines = postern.config.read_text().splitlines()
    for setting in re.split(r", (?=\w+ = )", settings):
        lines = [line for line in lines if line.split("=")[0].strip() != setting.split("=")[0].strip()]
        lines.insert(lines.index(section) + 1, setting)
    postern.config.write_text("\n".join(lines) + "\n")


def mend_mc(world: World, finding: Finding) -> None:
    """The line whose number it says; where there is none, whichever declares us."""
    path = world.mta.folder / "sendmail.mc"
    file, _, number = finding["file"].rpartition(":")
    lines = path.read_text().splitlines()
    if file != str(path):
        assert finding["file"] == str(path), finding
        number = 1 + next(i for i, line in enumerate(lines) if "MAIL_FILTER(`postern'" in line)
    assert "MAIL_FILTER(`postern'" in lines[int(number) - 1], finding
    lines[int(number) - 1] = finding["change"]
    path.write_text("\n".join(lines) + "\n")


def of(check: str, findings: list[Finding]) -> list[Finding]:
    return [f for f in bad(findings) if f["check"] == check]


def passes(world: World) -> bool:
    world.sink.clear()
    return world.send(ALICE, BOB, message("to the doctor")).accepted


POSTFIX_FAULTS = [
    ("milter_command_timeout", "5s", "error", "milter_command_timeout = 30s"),
    ("milter_content_timeout", "20s", "error", "milter_content_timeout = 70s"),
    ("milter_default_action", "accept", "warning", "milter_default_action = tempfail"),
    ("milter_default_action", "reject", "warning", "milter_default_action = tempfail"),
    ("milter_protocol", "2", "warning", "milter_protocol = 6"),
    ("smtpd_milters", "inet:127.0.0.1:9", "error", "smtpd_milters = unix:{milter}"),
    ("smtpd_milters", "unix:{milter}.old", "error", "smtpd_milters = unix:{milter}"),
    ("smtpd_milters", "", "error", "smtpd_milters = unix:{milter}"),
]


@pytest.mark.parametrize("name, value, severity, change", POSTFIX_FAULTS, ids=[f"{n}={v}" for n, v, _, _ in POSTFIX_FAULTS])
def test_postfix_faults(world: World, name: str, value: str, severity: str, change: str) -> None:
    if world.mta.name != "postfix":
        pytest.skip("of Postfix")
    postern = serve(world)
    main = world.mta.folder / "etc/main.cf"
    with sick(world, main, None, f"{name} = {value.format(milter=world.milter)}"):
        assert passes(world) == (name != "smtpd_milters" or value == "")  # the socket that is not there is felt
        ours = of("postfix", doctor(postern, *of_mta(world))[1])
        assert [(f["severity"], f["change"]) for f in ours] == [(severity, change.format(milter=world.milter))], ours
        assert ours[0]["file"] == str(main)
        mend_line(main, ours[0]["change"])
        use(world)
        assert not of("postfix", doctor(postern, *of_mta(world))[1])
        assert passes(world)


def test_postfix_chroot(world: World) -> None:
    """Two lines, one after the other: first where we listen, then how smtpd sees that."""
    if world.mta.name != "postfix":
        pytest.skip("of Postfix")
    postern = serve(world)
    main, master = files_of(world)
    queue = world.mta.folder / "queue"
    (queue / "postern").mkdir(mode=0o755, exist_ok=True)
    with sick(world, master, "inet n - n - - smtpd", "inet n - y - - smtpd"):
        assert not passes(world)
        ours = of("postfix", doctor(postern, *of_mta(world))[1])
        assert len(ours) == 1 and "chroot" in ours[0]["text"], ours
        assert ours[0]["change"] == f"[daemon] listen = unix:{queue}/postern/milter.sock", ours
        assert ours[0]["file"] == str(postern.config)
        mend_ours(postern, ours[0]["change"])
        postern.milter = queue / "postern/milter.sock"
        postern.again()
        ours = of("postfix", doctor(postern, *of_mta(world))[1])
        assert [f["change"] for f in ours] == ["smtpd_milters = unix:/postern/milter.sock"], ours
        mend_line(main, ours[0]["change"])
        use(world)
        assert not of("postfix", doctor(postern, *of_mta(world))[1])
        assert passes(world)


def test_postfix_may_not_reach(world: World) -> None:
    if world.mta.name != "postfix":
        pytest.skip("of Postfix")
    postern = serve(world, socket_mode="0600")
    assert not passes(world)
    ours = of("postfix", doctor(postern, *of_mta(world))[1])
    assert len(ours) == 1 and ours[0]["file"] == str(postern.config), ours
    assert ours[0]["change"] == "[daemon] socket_group = postfix, socket_mode = 0660", ours
    mend_ours(postern, ours[0]["change"])
    postern.again()
    assert not of("postfix", doctor(postern, *of_mta(world))[1])
    assert passes(world)


def test_maps_out_of_reach(world: World, tmp_path: Path) -> None:
    """Postfix asks them, too; and somebody must serve them."""
    maps, secret = world.folder / "maps.sock", tmp_path / "secret"
    secret.write_text("a secret\n")
    secret.chmod(0o600)
    postern = world.serve({"daemon": {"control": "@control.sock", "socket_mode": "0600"},
                           "srs": {"secret_file": str(secret), "forward_domain": "srs.here.example", "socketmap": f"unix:{maps}"}})
    if world.mta.name == "postfix":
        shut = [f for f in of("postfix", doctor(postern, *of_mta(world))[1]) if str(maps) in f["text"]]
        assert [f["change"] for f in shut] == ["[daemon] socket_group = postfix, socket_mode = 0660"], shut
        mend_ours(postern, shut[0]["change"])
        postern.again()
    assert not bad(doctor(postern, *of_mta(world))[1])
    maps.unlink()
    [gone] = bad(doctor(postern, *of_mta(world))[1])
    assert str(maps) in gone["text"] and gone["check"] == "sockets", gone


NO_MACROS = {
    "postfix": ("".join(f"milter_{step}_macros = {'v' if step == 'connect' else ''}\n"
                        for step in ("connect", "helo", "mail", "rcpt", "data", "end_of_header", "end_of_data"))),
    "sendmail": "".join(f"define(`confMILTER_MACROS_{step}', `v')dnl\n"
                        for step in ("CONNECT", "HELO", "ENVFROM", "ENVRCPT", "DATA", "EOH", "EOM")),
}


def test_macros_are_asked_for(world: World) -> None:
    """Both MTAs send what we ask for, whatever their files say: there is nothing to mend."""
    postern = serve(world)
    path = files_of(world)[0]
    before = None if world.mta.name == "postfix" else "MAILER(`smtp')dnl"
    with sick(world, path, before, NO_MACROS[world.mta.name] + (before or "")):
        assert passes(world)
        assert not of("macros", doctor(postern, *of_mta(world))[1])


OLD = {
    "postfix": ("Postfix\\0402.5.1", "milter_connect_macros = j {daemon_name} {daemon_port} {client_ptr} v _",
                "milter_end_of_data_macros = i"),
    "sendmail": ("8.13.8", "define(`confMILTER_MACROS_CONNECT', `j, _, {daemon_name}, {daemon_port}, {client_ptr}, v')dnl",
                 "define(`confMILTER_MACROS_EOM', `i')dnl"),
}


def test_macros_of_an_old_mta(world: World) -> None:
    """One that cannot be asked (no SMFIR_SETSYMLIST) sends what its file says. Not the one that runs here: it tells us, too."""
    version, connect, end = OLD["sendmail" if world.mta.name == "postfix" else "postfix"]
    postern = serve(world)

    def mail(at_connect: str, at_end: str) -> list[str]:
        script = (f"negotiate 6 0xff\nmacros C v={version}{at_connect}\nconnect x.example 192.0.2.1 25\nhelo x.example\n"
                  f"mail <a@x.example>\nrcpt <{BOB}>\ndata\neoh\n{at_end}\neom\nquit\n")
        run(BUILD / "tests/fakes/fake-mta", "run", f"unix:{world.milter}", input=script)
        return [f["change"] for f in of("macros", doctor(postern)[1])]

    assert mail("", "") == [connect, connect, end]
    assert mail(" j=mx.here.example {daemon_port}=25", "") == [end]
    assert mail("", "macros E i=4XyZ") == []


SENDMAIL_FAULTS = [
    ("F=T", "F=R", "refused for good"),
    (" F=T,", "", "passes unfiltered"),
    ("R:5m", "R:8s", "T=R is 8 s"),
    ("T=C:5m;S:20s;R:5m;E:5m", "T=C:5m;E:30s", "T=E is 30 s"),
    ("S=local:", "S=local:/elsewhere", "no filter line with a socket of ours"),
    ("INPUT_MAIL_FILTER(`postern'", "MAIL_FILTER(`postern'", "declared and not used"),
]


@pytest.mark.parametrize("right, wrong, text", SENDMAIL_FAULTS, ids=[w or t for _, w, t in SENDMAIL_FAULTS])
def test_sendmail_faults(world: World, right: str, wrong: str, text: str) -> None:
    if world.mta.name != "sendmail":
        pytest.skip("of Sendmail")
    postern = serve(world)
    mc, cf = files_of(world)
    with sick(world, mc, right, wrong):
        assert passes(world) == ("elsewhere" not in wrong)
        for path in (mc, cf):  # administrators have one, the MTA reads the other
            ours = of("sendmail", doctor(postern, "--sendmail", path)[1])
            assert any(text in f["text"] for f in ours), ours
            assert all(f["file"].startswith(str(path)) and "INPUT_MAIL_FILTER(`postern'" in f["change"] for f in ours), ours
        mend_mc(world, of("sendmail", doctor(postern, "--sendmail", mc)[1])[0])
        use(world)
        for path in (mc, cf):
            assert not of("sendmail", doctor(postern, "--sendmail", path)[1])
        assert passes(world)


@pytest.mark.parametrize("mode", [0o777, 0o775, 0o757, 0o1777, 0o711])
def test_sendmail_folders(world: World, mode: int) -> None:
    """A socket in a folder that others may write to is no socket for Sendmail."""
    if world.mta.name != "sendmail":
        pytest.skip("of Sendmail")
    postern = serve(world)
    folder = world.milter.parent
    good = folder.stat().st_mode & 0o7777
    folder.chmod(mode)
    try:
        ours = of("sendmail", doctor(postern, *of_mta(world))[1])
        assert passes(world) == (not ours), ours
        assert [f["change"] for f in ours] == ([f"chmod go-w {folder}"] if mode & 0o022 else []), ours
        if ours:
            run(*ours[0]["change"].split())
            assert not of("sendmail", doctor(postern, *of_mta(world))[1])
            assert passes(world)
    finally:
        folder.chmod(good)


# --- this host ---

def on_this_host(postern: Postern | Path, check: str, *arguments: str | Path, before: tuple[str, ...] = ()) -> list[Finding]:
    config = postern if isinstance(postern, Path) else postern.config
    done = subprocess.run([*before, POSTERN, "doctor", "--json", "-c", config, *arguments], capture_output=True,
                          text=True, timeout=60, env={**os.environ, **SANITIZERS})
    assert done.returncode in (0, 1), done.stderr
    return [f for f in json.loads(done.stdout).get("findings", []) if f["check"] == check]


NAMES = [
    ("good", f"{net.HOST_NAME} A 8.8.8.8\n8.8.8.8.in-addr.arpa PTR {net.HOST_NAME}\n", None, None),
    ("private", f"{net.HOST_NAME} A 10.0.0.1\n", None, None),
    ("no address", "other.example A 8.8.8.8\n", "has no address", "an A or AAAA record"),
    ("no PTR", f"{net.HOST_NAME} A 8.8.8.8\n", "leads back to nothing", f"8.8.8.8.in-addr.arpa. PTR {net.HOST_NAME}."),
    ("another's PTR", f"{net.HOST_NAME} A 8.8.8.8\n8.8.8.8.in-addr.arpa PTR x.example\n", "leads back to x.example",
     f"8.8.8.8.in-addr.arpa. PTR {net.HOST_NAME}."),
]


@pytest.mark.parametrize("_, zone, text, change", NAMES, ids=[n for n, *_ in NAMES])
def test_name(world: World, tmp_path: Path, _: str, zone: str, text: str | None, change: str | None) -> None:
    if not net.inside():
        pytest.skip("the host's name is this machine's own")
    (tmp_path / "zone").write_text(zone)
    found = on_this_host(serve(world), "name", "--zone", tmp_path / "zone")
    assert [f["change"] for f in found] == ([change] if change else []), found
    if change:
        assert text in found[0]["text"], found
        if "PTR" in change:  # exactly that line
            (tmp_path / "zone").write_text("".join(line for line in zone.splitlines(True) if "PTR" not in line) + change + "\n")
            assert not on_this_host(world.filters[0], "name", "--zone", tmp_path / "zone")


def test_a_name_without_a_domain(world: World) -> None:
    if not net.inside():
        pytest.skip("the host's name is this machine's own")
    found = on_this_host(serve(world), "name", before=("unshare", "--uts", "sh", "-c", 'hostname mx && exec "$@"', "sh"))
    assert len(found) == 1 and "calls itself mx" in found[0]["text"] and found[0]["change"].startswith("hostnamectl"), found


def test_resolver(world: World, tmp_path: Path) -> None:
    config = tmp_path / "postern.conf"
    def answers_within(ms: int) -> None:
        config.write_text(f"[dns]\nservers = {world.names.server}\ntimeout_ms = {ms}\n")
    answers_within(1000)
    assert not on_this_host(config, "resolver")
    for word, ms, severity, text in (("TIMEOUT", 1000, "error", "does not answer (timeout"),
                                     ("SERVFAIL", 1000, "error", "does not answer (SERVFAIL"),
                                     ("SLOW 1100", 15000, "warning", "for one question")):  # the resolver asks again before
        world.names.misbehave(word)
        answers_within(ms)
        found = on_this_host(config, "resolver")
        assert len(found) == 1 and found[0]["severity"] == severity and text in found[0]["text"], (word, found)
        assert found[0]["file"] == str(config) and found[0]["change"].startswith("[dns] servers"), found
    world.names.misbehave("")
    assert not on_this_host(config, "resolver")


def test_limits(world: World) -> None:
    """The filter's own limit, not that of the shell in which the doctor is called."""
    postern = serve(world)
    _, hard = resource.prlimit(postern.process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(postern.process.pid, resource.RLIMIT_NOFILE, (200, hard))
    found = on_this_host(postern, "limits")
    assert len(found) == 1 and "the filter may have 200 files open" in found[0]["text"], found
    assert found[0]["file"] == "postern.service", found
    files, sessions = re.fullmatch(r"LimitNOFILE=(\d+) \(or (\[daemon\] max_sessions = \d+)\)", found[0]["change"]).groups()
    config = postern.config.read_text()
    mend_ours(postern, sessions)
    assert not on_this_host(postern, "limits")
    postern.config.write_text(config)
    assert on_this_host(postern, "limits")
    resource.prlimit(postern.process.pid, resource.RLIMIT_NOFILE, (int(files), hard))
    assert not on_this_host(postern, "limits")


def test_clock(world: World) -> None:
    def warned() -> list[Finding]:
        return [f for f in on_this_host(postern, "clock") if f["severity"] == "warning"]
    postern = serve(world)
    assert not warned()
    os.utime(postern.config, (time.time() + 1000,) * 2)
    assert len(warned()) == 1 and "written in the future" in warned()[0]["text"] and warned()[0]["change"] == "date"
    os.utime(postern.config)
    assert not warned()


def test_maps(world: World, tmp_path: Path) -> None:
    """A text that is newer than what was made of it; the command that is named makes it anew."""
    if world.mta.name != "postfix":
        pytest.skip("postmap is Postfix's")
    etc = str(world.mta.folder / "etc")
    access = tmp_path / "access"
    access.write_text("SPF-Fail:example.com OK\n")
    run("postmap", f"hash:{access}", env={**os.environ, "MAIL_CONFIG": etc})
    postern = world.serve({"policy": {"access": f"{access}.db"}, "spf": {"mode": "on"}})
    assert not on_this_host(postern, "maps")
    access.write_text("SPF-Fail:example.com REJECT\n")
    os.utime(access, (time.time() + 5,) * 2)
    found = on_this_host(postern, "maps")
    assert len(found) == 1 and f"{access} is newer than {access}.db" in found[0]["text"], found
    command = found[0]["change"].split(", or ")[0]
    assert command == f"postmap {access}", found
    os.utime(access)
    run(*command.split(), env={**os.environ, "MAIL_CONFIG": etc})
    assert not on_this_host(postern, "maps")


FOLDERS: list[tuple[str, Callable[[Path], None], str, str]] = [
    ("quarantine, open", lambda p: p.mkdir(mode=0o755), "others may read or write", "chmod 0700 {}"),
    ("quarantine, missing", lambda p: None, "No such file", "install -d -m 0700 {}"),
]


@pytest.mark.parametrize("_, make, text, change", FOLDERS, ids=[n for n, *_ in FOLDERS])
def test_folders(world: World, tmp_path: Path, _: str, make: Callable[[Path], None], text: str, change: str) -> None:
    postern, folder = serve(world), tmp_path / "kept"
    make(folder)
    postern.config.write_text(postern.config.read_text() + f"[policy]\nquarantine_dir = {folder}\n")
    found = on_this_host(postern, "files")
    assert [f["change"] for f in found] == [change.format(folder)] and text in found[0]["text"], found
    run(*found[0]["change"].split())
    assert not on_this_host(postern, "files")
