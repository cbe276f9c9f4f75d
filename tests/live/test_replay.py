"""postern replay: stored mail through two configurations (K8). No MTA is needed."""
import json
import os
import subprocess
from pathlib import Path

from harness.filter import POSTERN, SANITIZERS


MESSAGE = ("Return-Path: <a@example.com>\nDelivered-To: b@our.example\n"
           "Received: from mail.example.com (mail.example.com [{ip}])\n\tby mx.our.example; x\nSubject: x\n\nbody\n")


def replay(folder: Path, *arguments: str) -> tuple[int, str, str]:
    done = subprocess.run([POSTERN, "replay", "--old", "old.conf", "--new", "new.conf", "--zone", "zone", *arguments],
                          cwd=folder, capture_output=True, text=True, timeout=60, env={**os.environ, **SANITIZERS})
    return done.returncode, done.stdout, done.stderr


def write(folder: Path, old: str, new: str) -> None:
    (folder / "zone").write_text('example.com. IN TXT "v=spf1 ip4:192.0.2.1 -all"\n')
    (folder / "old.conf").write_text(old)
    (folder / "new.conf").write_text(new)


def test_differences(tmp_path: Path) -> None:
    write(tmp_path, "[spf]\nmode = on\n", "[spf]\nmode = on\n[verbs]\nSPF-Fail = QUARANTINE\n[policy]\nquarantine_dir = kept\n")
    mail = tmp_path / "mail" / "cur"
    mail.mkdir(parents=True)
    (mail / "good:2,S").write_text(MESSAGE.format(ip="192.0.2.1"))
    (mail / "bad:2,S").write_text(MESSAGE.format(ip="192.0.2.9"))
    status, out, _ = replay(tmp_path, "mail")
    assert status == 1, out
    assert "bad:2,S: b@our.example" in out and "good" not in out, out
    assert "old: REJECT by SPF-Fail for a@example.com (built in), 550 5.7.23" in out, out
    assert "new: QUARANTINE by SPF-Fail for a@example.com (new.conf:4), accepted and not delivered" in out, out
    assert out.endswith("2 messages, 1 differ, 0 skipped\n"), out
    assert not (tmp_path / "kept").exists()


def test_edits_sidecar_and_json(tmp_path: Path) -> None:
    write(tmp_path, "[spf]\nmode = on\n", "[spf]\nmode = on\n[authres]\nadd = yes\n")
    (tmp_path / "1.eml").write_text("Subject: x\n\nbody\n")
    (tmp_path / "1.json").write_text(json.dumps({"client": "192.0.2.1", "sender": "<a@example.com>", "rcpts": ["<b@x>"]}))
    status, out, _ = replay(tmp_path, "--json", "1.eml")
    first, last = map(json.loads, out.splitlines())
    assert status == 1 and last == {"messages": 1, "differ": 1, "skipped": 0}
    assert first["edits_old"] == [] and first["edits_new"][0].startswith("header ^ Authentication-Results:"), first


def test_no_difference_and_nothing(tmp_path: Path) -> None:
    write(tmp_path, "[spf]\nmode = on\n", "[spf]\nmode = on\n[verbs]\nSPF-Pass = OK\n")
    (tmp_path / "1.eml").write_text(MESSAGE.format(ip="192.0.2.1"))
    (tmp_path / "2.eml").write_text("Subject: no envelope\n\n")
    assert replay(tmp_path, "1.eml")[0] == 0
    status, _, err = replay(tmp_path, "2.eml", "3.eml")
    assert status == 2 and "2.eml: no recipient is known" in err and "3.eml" in err, err
    assert replay(tmp_path, "--from", "a@example.com", "--rcpt", "b@x", "--ip", "192.0.2.1", "2.eml")[0] == 0
    (tmp_path / "new.conf").write_text("[spf]\nmode = perhaps\n")
    assert replay(tmp_path, "1.eml")[0] == 2
