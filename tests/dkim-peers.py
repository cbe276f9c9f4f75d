#!/usr/bin/python3
"""Postern against dkimpy, OpenDKIM and rspamd: what one signs or seals the others verify, and what is changed passes with none.

    dkim-peers.py POSTERN [MESSAGES] [SEED]

Messages are random and ugly. Who is not installed is left out, with a word; exit status 77: none of them is.
"""
import random
import re
import sys
import tempfile
from pathlib import Path

from peers.common import CANONS, SKIP, Postern, Tally, change_one, random_message
from peers.dkimpy import Dkimpy
from peers.opendkim import OpenDkim
from peers.rspamd import Rspamd

PEERS = (Dkimpy, OpenDkim, Rspamd)
HOPS = 3


def some_canon(pick: random.Random) -> str:
    return f"{pick.choice(CANONS)}/{pick.choice(CANONS)}"


def signatures(postern: Postern, peer, pick: random.Random, tally: Tally) -> None:
    message, selector, canon = peer.fit(random_message(pick)), pick.choice(("rsa", "ed")), some_canon(pick)
    for signer in (postern, peer) if peer.can_sign(selector, canon) else (postern, ):
        signed = signer.sign(message, selector, canon)
        changed = change_one(pick, signed)
        for verifier in (postern, peer):
            what = f"signed by {signer.name}, {selector} {canon}, verified by {verifier.name}"
            tally.expect(what, "pass", verifier.verify(signed), signed)
            tally.expect(f"{what}, changed", "fail", verifier.verify(changed), changed)


def without_one(pick: random.Random, message: bytes) -> bytes:
    """One field of one ARC set is lost (RFC 8617 §5.2, step 3A)."""
    lost = pick.choice(list(re.finditer(rb"^ARC-.*\r\n(?:[ \t].*\r\n)*", message.partition(b"\r\n\r\n")[0] + b"\r\n", re.M)))
    return message[: lost.start()] + message[lost.end() :]


def chains(sealers: list, pick: random.Random, tally: Tally) -> None:
    """Each hop by one of them, picked at random."""
    message, history = random_message(pick), []
    for sealer in sealers:
        message = sealer.fit(message)
    for hop in range(1, HOPS + 1):
        text = f"hop{hop}.example; arc={'pass' if hop > 1 else 'none'}; spf=pass smtp.mailfrom=author@example.com"
        sealer = pick.choice([s for s in sealers if s.can_seal(hop)])
        message = sealer.seal(f"Authentication-Results: {text}\r\n".encode() + message, text, some_canon(pick))
        history.append(sealer.name)
        changed, torn = change_one(pick, message), without_one(pick, message)
        for validator in sealers:
            what = f"sealed by {', '.join(history)}, validated by {validator.name}"
            tally.expect(what, "pass", validator.chain(message), message)
            tally.expect(f"{what}, changed", "fail", validator.chain(changed), changed)
            if hop > 1:  # rspamd takes a lone incomplete set for no chain at all
                tally.expect(f"{what}, a field lost", "fail", validator.chain(torn), torn)


def main(program: str, messages: int = 30, seed: int = 1) -> int:
    tally, pick, peers = Tally(), random.Random(seed), []
    with tempfile.TemporaryDirectory() as folder:
        postern = Postern(program, Path(folder))
        try:
            for kind in PEERS:
                why = kind.missing()
                if why:
                    print(f"without {kind.name}: {why}")
                else:
                    peers.append(kind(postern, Path(folder) / kind.name))
            for _ in range(messages):
                for peer in peers:
                    signatures(postern, peer, pick, tally)
            for _ in range(max(messages // 4, 1) if peers else 0):
                chains([postern, *(p for p in peers if hasattr(p, "seal"))], pick, tally)
        finally:
            for peer in peers:
                peer.stop()
    print(f"{tally.passed} passed, {tally.failed} failed")
    return 1 if tally.failed else 0 if peers else SKIP


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], *map(int, sys.argv[2:])))
