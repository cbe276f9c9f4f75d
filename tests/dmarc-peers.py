#!/usr/bin/python3
"""DMARC as rspamd sees it and as Postern does: random records, senders and signatures, one message each; SPF and DKIM are real.

    dmarc-peers.py POSTERN [MESSAGES] [SEED]

rspamd knows RFC 7489 alone: the organizational domain comes from a public suffix list. Postern is asked by that standard, too,
and by RFC 9989 where its tree walk must come to the same (agree()). Not made here, because only one of the standards has them or
chance decides: np=, psd=, t=, pct=. Exit status 77: rspamd is not installed.
"""
import json
import random
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from peers.common import CLIENT_NAME, SKIP, Postern, Tally, change_one
from peers.rspamd import DMARC, Rspamd

STANDARDS = ("rfc7489", "rfc9989")
CONFIG = "[spf]\nmode = header\n[dkim]\nverify = header\n[dmarc]\nmode = report\nstandard = {}\n"
ELSEWHERE = "elsewhere.example"
SPF = ("v=spf1 ip4:192.0.2.1 -all", "v=spf1 -all", "v=spf1 ?all", "")


@dataclass
class Case:
    """One organizational domain and one message from it. `records` are DMARC's, by name."""
    records: dict[str, str]
    zone: str
    message: bytes
    sender: str
    helo: str
    author: str

    def agree(self, standard: str, base: str) -> bool:
        """RFC 9989 §4.10: a record between the author's name and the organizational domain applies, and below a domain without one
        it makes its own name the organizational domain."""
        between = [name for name in self.records if name != base]
        return standard == "rfc7489" or not between or (base in self.records and self.author.lower() in (base, *between))


def random_record(pick: random.Random) -> str:
    tags = [f"p={pick.choice(('none', 'quarantine', 'reject'))}"]
    for name, values in (("sp", ("none", "quarantine", "reject")), ("adkim", "rs"), ("aspf", "rs")):
        if pick.random() < 0.5:
            tags.append(f"{name}={pick.choice(values)}")
    if pick.random() < 0.3:
        tags.append("rua=mailto:reports@example.com")
    # White space before a semicolon ends the record for rspamd (RFC 7489 §6.4 has dmarc-sep = *WSP %x3b *WSP).
    return "v=DMARC1; " + pick.choice(("; ", ";", ";  ")).join(tags) + pick.choice(("", ";"))


def random_case(postern: Postern, key: str, base: str, pick: random.Random) -> Case:
    names = (base, f"sub.{base}", f"deep.sub.{base}")
    records = {name: random_record(pick) for name, chance in zip(names[:2], (0.8, 0.2)) if pick.random() < chance}
    signers = [pick.choice((*names, ELSEWHERE)) for _ in range(pick.choice((0, 0, 1, 1, 2)))]
    sending, author = pick.choice((*names, ELSEWHERE)), pick.choice(names)
    zone = [f'_dmarc.{name} TXT "{text}"' for name, text in records.items()]
    zone += [f"rsa._domainkey.{name} TXT {key}" for name in names]
    zone += [f'{name} TXT "{text}"' for name in names for text in (pick.choice(SPF), ) if text]
    author = author.upper() if pick.random() < 0.1 else author
    message = f"From: Author <author@{author}>\r\nSubject: of {base}\r\n\r\nHello\r\n".encode()
    for signer in signers:
        message = postern.sign(message, "rsa", "relaxed/relaxed", signer)
    if pick.random() < 0.3:
        message = change_one(pick, message)
    sender, helo = (f"bounce@{sending}", CLIENT_NAME) if pick.random() < 0.8 else ("", sending)
    return Case(records, "\n".join(zone) + "\n", message, sender, helo, author)


def ours(postern: Postern, config: Path, zone: Path, case: Case) -> str:
    out = postern.scan(case.message, config, zone, case.sender, case.helo, "--json")
    dmarc = json.loads(out)["dmarc"]
    return f"fail {dmarc['disposition']}" if dmarc["code"] == "fail" else dmarc["code"]


def main(program: str, messages: int = 100, seed: int = 1) -> int:
    why = Rspamd.missing()
    if why:
        print(f"skipped: {why}")
        return SKIP
    tally, pick, seen = Tally(), random.Random(seed), {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        postern = Postern(program, folder)
        key = postern.zone.read_text().split("\n")[0].partition(" TXT ")[2]
        cases = {f"d{i}.com": random_case(postern, key, f"d{i}.com", pick) for i in range(messages)}
        zone = folder / "cases"
        zone.write_text("".join(case.zone for case in cases.values()) +
                        f'rsa._domainkey.{ELSEWHERE} TXT {key}\n{ELSEWHERE} TXT "{SPF[0]}"\n')
        peer = Rspamd(postern, folder / "rspamd", (zone, ))
        configs = {standard: folder / f"{standard}.conf" for standard in STANDARDS}
        for standard, config in configs.items():
            config.write_text(CONFIG.format(standard))
        try:
            for base, case in cases.items():
                theirs = peer.symbol(case.message, DMARC, sender=case.sender, Helo=case.helo)
                seen[theirs] = seen.get(theirs, 0) + 1
                for standard, config in configs.items():
                    if case.agree(standard, base):
                        tally.expect(f"{standard}, from <{case.sender}> {case.helo}, {case.zone}", theirs,
                                     ours(postern, config, zone, case), case.message)
        finally:
            peer.stop()
    print(f"{tally.passed} passed, {tally.failed} failed; {seen}")
    return tally.failed > 0 or len(seen) < len(DMARC)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], *map(int, sys.argv[2:])))
