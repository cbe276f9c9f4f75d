"""postern doctor: a good set-up has nothing against it, and each thing that is wrong is named with the line to change (K11)."""
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from cases import ALICE, BOB
from harness.filter import POSTERN, SANITIZERS, Postern
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


POSTFIX_FAULTS = [
    ("milter_command_timeout", "5s", "error", "milter_command_timeout = 30s"),
    ("milter_content_timeout", "20s", "error", "milter_content_timeout = 70s"),
    ("milter_default_action", "accept", "warning", "milter_default_action = tempfail"),
    ("milter_default_action", "reject", "warning", "milter_default_action = tempfail"),
    ("milter_protocol", "2", "warning", "milter_protocol = 6"),
    ("smtpd_milters", "inet:127.0.0.1:9", "error", "smtpd_milters = unix:{milter}"),
    ("smtpd_milters", "", "error", "smtpd_milters = unix:{milter}"),
]


@pytest.mark.parametrize("name, value, severity, change", POSTFIX_FAULTS, ids=[f"{n}={v}" for n, v, _, _ in POSTFIX_FAULTS])
def test_postfix_faults(world: World, tmp_path: Path, name: str, value: str, severity: str, change: str) -> None:
    if world.mta.name != "postfix":
        pytest.skip("of Postfix")
    postern = serve(world)
    shutil.copytree(world.mta.folder / "etc", tmp_path / "etc")
    main = tmp_path / "etc/main.cf"
    main.write_text(main.read_text() + f"{name} = {value}\n")
    _, findings = doctor(postern, "--postfix", tmp_path / "etc")
    ours = [f for f in bad(findings) if f["check"] == "postfix"]
    assert [(f["severity"], f["change"]) for f in ours] == [(severity, change.format(milter=world.milter))], findings
    assert ours[0]["file"] == str(main)


def test_postfix_chroot(world: World, tmp_path: Path) -> None:
    if world.mta.name != "postfix":
        pytest.skip("of Postfix")
    postern = serve(world)
    shutil.copytree(world.mta.folder / "etc", tmp_path / "etc")
    master = tmp_path / "etc/master.cf"
    master.write_text(master.read_text().replace("inet n - n - - smtpd", "inet n - y - - smtpd"))
    _, findings = doctor(postern, "--postfix", tmp_path / "etc")
    ours = [f for f in bad(findings) if f["check"] == "postfix"]
    assert len(ours) == 1 and "chroot" in ours[0]["text"], findings
    assert ours[0]["change"] == f"[daemon] listen = unix:{world.mta.folder}/queue/postern/milter.sock", ours


def test_postfix_may_not_reach(world: World) -> None:
    if world.mta.name != "postfix":
        pytest.skip("of Postfix")
    postern = serve(world, socket_mode="0600")
    _, findings = doctor(postern, *of_mta(world))
    ours = [f for f in bad(findings) if f["check"] == "postfix"]
    assert len(ours) == 1 and "socket_group = postfix" in ours[0]["change"], findings


SENDMAIL_FAULTS = [
    ("F=T", "F=R", "refused for good"),
    (" F=T,", "", "passes unfiltered"),
    ("R:5m", "R:8s", "T=R is 8 s"),
    ("T=C:5m;S:20s;R:5m;E:5m", "T=C:5m;E:30s", "T=E is 30 s"),
    ("S=local:", "S=local:/elsewhere", "no filter line with a socket of ours"),
    ("O InputMailFilters=postern", "O InputMailFilters=", "declared and not used"),
]


@pytest.mark.parametrize("right, wrong, text", SENDMAIL_FAULTS, ids=[w or t for _, w, t in SENDMAIL_FAULTS])
def test_sendmail_faults(world: World, tmp_path: Path, right: str, wrong: str, text: str) -> None:
    if world.mta.name != "sendmail":
        pytest.skip("of Sendmail")
    postern = serve(world)
    cf = tmp_path / "sendmail.cf"
    good = (world.mta.folder / "sendmail.cf").read_text()
    assert right in good
    cf.write_text(good.replace(right, wrong))
    _, findings = doctor(postern, "--sendmail", cf)
    ours = [f for f in bad(findings) if f["check"] == "sendmail"]
    assert any(text in f["text"] for f in ours), findings
    for finding in ours:
        assert finding["change"].startswith("INPUT_MAIL_FILTER(`postern', `S=local:") and "R:20s" in finding["change"], finding
