"""The sample mail of the demonstration: who sends what, from where, and what should become of it."""
from dataclasses import dataclass


@dataclass(frozen=True)
class Letter:
    what: str
    sender: str = "alice@good.example"
    rcpts: tuple[str, ...] = ("bob@here.example",)
    ip: str = "192.0.2.1"
    helo: str = "mail.good.example"
    login: str | None = None
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Wait:
    seconds: float


@dataclass(frozen=True)
class Command:
    """What an administrator types: postern WORDS -c postern.conf."""
    words: tuple[str, ...]


STRANGER = {"ip": "198.51.100.7", "helo": "mail.stranger.example"}

LETTERS = (
    Letter("SPF pass"),
    Letter("SPF fail; the domain explains it", sender="boss@strict.example", **STRANGER),
    Letter("SPF softfail, for two with different rules", sender="shop@soft.example",
           rcpts=("bob@here.example", "carol@here.example"), **STRANGER),
    Letter("SPF softfail of a partner on the whitelist", sender="anna@partner.example", **STRANGER),
    Letter("our own domain, claimed from outside", sender="boss@here.example", **STRANGER),
    Letter("HELO that is a number", ip="198.51.100.7", helo="198.51.100.7"),
    Letter("HELO that is our own name", ip="198.51.100.7", helo="mx.here.example"),
    Letter("a client whose PTR says localhost", sender="joe@nothing.example", ip="198.51.100.9", helo="mail.stranger.example"),
    Letter("a dial-up machine, no SPF, no valid HELO", sender="joe@nothing.example", ip="198.51.100.20", helo="pc"),
    Letter("a broken SPF record, and what was meant", sender="info@broken.example", **STRANGER),
    Letter("SPF that cannot be found out now", sender="info@slow.example", **STRANGER),
    Letter("authenticated, as his own domain, from a dial-up", sender="bob@here.example", login="bob",
           ip="198.51.100.20", helo="pc"),
    Letter("authenticated, as somebody else", sender="boss@good.example", login="bob", ip="198.51.100.20", helo="pc"),
    Letter("a forged Authentication-Results of ours",
           headers=(("Authentication-Results", "mx.here.example; spf=pass smtp.mailfrom=forged.example"),)),
    Letter("to an address that takes no mail", rcpts=("MAILER-DAEMON@here.example",)),
)

# What is remembered: one after the other.
DIALUP = {"ip": "198.51.100.20", "helo": "pc"}
FORGER = {"ip": "198.51.100.66", "helo": "mx.here.example"}

STORY = (
    Letter("a stranger is asked to come back", sender="ann@neutral.example", **STRANGER),
    Wait(2.1),
    Letter("and he does", sender="ann@neutral.example", **STRANGER),
    Letter("HELO that is our own name", **FORGER),
    Letter("again: that makes eight demerits", **FORGER),
    Letter("whatever he says now, he is banned", ip="198.51.100.66", helo="mail.good.example"),
    Command(("ban", "show")),
    Command(("ban", "pardon", "198.51.100.66")),
    Letter("pardoned, and judged like everybody", sender="joe@soft.example", rcpts=("carol@here.example",),
           ip="198.51.100.66", helo="mail.stranger.example"),
    Letter("bob writes to a friend", sender="bob@here.example", rcpts=("friend@nothing.example",), login="bob", **DIALUP),
    Command(("list", "show", "whitelist")),
    Letter("whose answer is let through, though it proves nothing", sender="friend@nothing.example", **DIALUP),
    Command(("journal", "search", "--limit", "6")),
)
