"""What the demonstration tells: who sends what, from where, and what must become of it."""
from dataclasses import dataclass


@dataclass(frozen=True)
class Sign:
    """By its author's domain, with the key that ./run has made for it."""
    domain: str


@dataclass(frozen=True)
class Change:
    """What a mailing list does to a message."""
    tag: str
    footer: str


@dataclass(frozen=True)
class Seal:
    """An ARC set of `domain`, which has found `results`."""
    domain: str
    results: str


@dataclass(frozen=True)
class Letter:
    """`answers`, `log` and `arrives` are patterns: each reply that decided (STEP CODE TEXT; of RCPT where that is a
    refusal, and of DATA); a line of the log; and of what arrived all fields NAME: VALUE, which are shown, or its
    envelope, MAIL <…> RCPT <…>. "{NAME}" as a recipient is the sender with which the letter of that name arrived."""
    what: str
    answers: tuple[str, ...] = ("DATA 250",)
    log: str = ""
    arrives: tuple[str, ...] = ()
    sender: str = "alice@good.example"
    rcpts: tuple[str, ...] = ("bob@here.example",)
    ip: str = "192.0.2.1"
    helo: str = "mail.good.example"
    login: str | None = None
    author: str | None = None  # in From:, where it is not the sender
    headers: tuple[tuple[str, str], ...] = ()
    way: tuple[Sign | Change | Seal, ...] = ()  # what others did to it before it came to us
    name: str = ""  # what arrived is kept in NAME.eml


@dataclass(frozen=True)
class Wait:
    seconds: float


@dataclass(frozen=True)
class Command:
    """What an administrator types: postern WORDS, in which "{NAME}" is as in recipients. It must end with status 0 and
    print what matches `says`; so many lines of that are shown."""
    words: str
    says: str = ""
    lines: int = 10


@dataclass(frozen=True)
class Chapter:
    title: str
    steps: tuple[Letter | Wait | Command, ...]


STRANGER = {"ip": "198.51.100.7", "helo": "mail.stranger.example"}
CLAIMANT = {"ip": "198.51.100.8", "helo": "mail.stranger.example"}
DIALUP = {"ip": "198.51.100.20", "helo": "pc"}
FORGER = {"ip": "198.51.100.66", "helo": "mx.here.example"}
CROOK = {"ip": "198.51.100.30", "helo": "mail.crook.example"}
BANK = {"ip": "192.0.2.40", "helo": "mail.bank.example"}
LIST = {"ip": "192.0.2.60", "helo": "mail.list.example"}
OLD_LIST = {"ip": "192.0.2.61", "helo": "mail.oldlist.example"}
REMOTE = {"ip": "192.0.2.50", "helo": "mail.remote.example"}

ENVELOPE = Chapter("Who may send as whom: the envelope sender", (
    Letter("SPF pass", arrives=("Authentication-Results: .*spf=pass",)),
    Letter("SPF fail, explained by the domain itself", ("DATA 550 5.7.23 SPF fail: strict.example explains",),
           r"REJECT: .*\[SPF-Fail for boss@strict.example; by default", sender="boss@strict.example", **STRANGER),
    Letter("SPF softfail, for two with different rules", ("RCPT 550 5.7.23 SPF softfail", "DATA 250"),
           "SPF-SoftFail at postern.conf:", sender="shop@soft.example",
           rcpts=("bob@here.example", "carol@here.example"), **STRANGER),
    Letter("SPF softfail of a partner whom a rule knows", sender="anna@partner.example", log="SPF-SoftFail for anna", **STRANGER),
    Letter("a broken SPF record, and what was meant", ("DATA 550",), sender="info@broken.example", **STRANGER),
    Letter("SPF that cannot be found out now", ("RCPT 451 4.4.3",), "TEMPFAIL: .*SPF-TempError",
           sender="info@slow.example", **STRANGER),
    Letter("our own domain, claimed from outside", ("DATA 550 5.7.23",), "DEMERIT:", sender="boss@here.example", **CLAIMANT),
    Letter("no SPF, no PTR name of its own, no valid HELO", ("RCPT 550 5.7.1 .*three strikes",), "spf-none: at access:",
           sender="joe@nothing.example", **DIALUP),
))

OURS = Chapter("What our own people send", (
    Letter("bob, logged in: his mail leaves signed, and his sender, too", log="signed: d=here.example",
           arrives=("MAIL <SRS0=.*=bob@here.example> RCPT <friend@", "DKIM-Signature: .*d=here.example"),
           sender="bob@here.example", rcpts=("friend@remote.example",), login="bob", name="signed", **DIALUP),
    Command("dkim verify --zone demo.zone signed.eml", "pass: d=here.example"),
    Letter("bob, logged in, as somebody else", ("RCPT 550 5.7.1 bob may not send as good.example",), "smtp-auth:bob at access:",
           sender="boss@good.example", login="bob", **DIALUP),
))

AUTHOR = Chapter("Who may send as whom: the author", (
    Letter("in the name of a bank, by somebody with an SPF pass of his own", ("DATA 550 5.7.26",),
           r"REJECT: .*\[DMARC-Reject for bank.example; dmarc-reject: at access:",
           sender="info@crook.example", author="service@bank.example", **CROOK),
    Letter("the bank itself", arrives=("Authentication-Results: .*dkim=pass .*dmarc=pass",),
           sender="service@bank.example", way=(Sign("bank.example"),), **BANK),
    Letter("with results that only we may write: the forged field goes", log="FORGED: 1 Authentication-Results",
           arrives=("Authentication-Results: (?!.*forged)",),
           headers=(("Authentication-Results", "mx.here.example; spf=pass smtp.mailfrom=forged.example"),)),
))

BROKEN = (Sign("bank.example"), Change("[talk] ", "-- \r\nYou are on the list talk.\r\n"))
SEEN = "list.example; dkim=pass header.d=bank.example; dmarc=pass header.from=bank.example"

OTHERS = Chapter("What comes, and goes, by way of others", (
    Letter("a clerk of the bank, by a list that changes mail", ("DATA 550 5.7.26",), "dmarc-reject: at access:",
           sender="talk-bounces@oldlist.example", author="clerk@bank.example", way=BROKEN, **OLD_LIST),
    Letter("the same, by a list that we trust, and that seals what it saw",
           log=r"settled: .*\[DMARC-Reject for bank.example; .*by ARC-Trusted",
           arrives=("Authentication-Results: .*dkim=fail .*arc=pass",), sender="talk-bounces@list.example",
           author="clerk@bank.example", way=(*BROKEN, Seal("list.example", SEEN)), **LIST),
    Letter("to one who has moved: it goes on, with a sender that passes SPF there", log="SRS: alice@good.example becomes",
           arrives=("MAIL <SRS0=.*=good.example=alice@srs.here.example> RCPT <joe@remote.example>",),
           rcpts=("old@alias.example",), name="forwarded"),
    Command("srs reverse -c postern.conf {forwarded}", "alice@good.example"),
))

BOUNCES = Chapter("Bounces: what nobody here has sent cannot come back", (
    Letter("of the mail that bob has sent", arrives=("MAIL <> RCPT <bob@here.example>",), sender="",
           rcpts=("{signed}",), **REMOTE),
    Letter("of the mail that went on", arrives=("MAIL <> RCPT <alice@good.example>",), sender="",
           rcpts=("{forwarded}",), **REMOTE),
    Letter("of mail that bob has not sent", ("DATA 550",), "Bounce-Forged for bob@here.example", sender="", **REMOTE),
    Letter("with a signature that somebody has made up", ("DATA 550",), "Bounce-Forged", sender="",
           rcpts=("SRS0=WxYz=7K=good.example=alice@srs.here.example",), **REMOTE),
))

MEMORY = Chapter("What is remembered", (
    Command("list show whitelist -c postern.conf", "friend@remote.example"),
    Letter("bob's friend answers: let through, though it proves nothing", log="Whitelist-Unproven",
           sender="friend@remote.example", **DIALUP),
    Letter("a stranger is asked to come back", ("RCPT 451 4.7.1 greylisted",), sender="ann@neutral.example", **STRANGER),
    Wait(2.1),
    Letter("and he does", sender="ann@neutral.example", **STRANGER),
    Letter("HELO that is our own name", ("RCPT 550 5.7.1 HELO",), "DEMERIT: 4", **FORGER),
    Letter("again: that makes eight demerits", ("RCPT 550 5.7.1 HELO",), "BANNED: 198.51.100.66", **FORGER),
    Letter("whatever he says now, he is banned", ("RCPT 550 5.7.1 198.51.100.66 is banned",), ip="198.51.100.66",
           helo="mail.stranger.example"),
    Command("ban pardon 198.51.100.66 -c postern.conf"),
    Letter("pardoned, and judged like everybody", sender="joe@soft.example", rcpts=("carol@here.example",),
           ip="198.51.100.66", helo="mail.stranger.example"),
    Command("journal search --limit 6 -c postern.conf", "refused +550 198.51.100.66 .*Client-Banned"),
))

STORY = (ENVELOPE, OURS, AUTHOR, OTHERS, BOUNCES, MEMORY)

# Whose keys there are; the first is ours.
KEYS = ("here.example", "bank.example", "list.example")
SELECTOR = "k1"
