"""B. The envelope sender and recipients; D2 and D11."""
from cases import ALICE, BOB, CAROL, Case, check, rows
from harness.text import message
from harness.world import World

OURS = {"connection": {"internal_connect": "203.0.113.0/24"},
        "sender": {"internal_domains": "here.example, local.example"}}
OURS_SPF = {**OURS, "spf": {"mode": "on"}}
INSIDE = {"ip": "203.0.113.1", "helo": "pc1.here.example"}
SYNTAX = {"sender": {"syntax_checks": "yes", "no_mail_to": "mailer-daemon@, auto-notify@"}}
AUTH = "SMTP-Auth:bob@here.example OK\nSMTP-Auth:bob REJECT\nSMTP-Auth:shop.example OK\nSMTP-Auth:carol OK\n"
ROAMING = {"ip": "192.0.2.20", "helo": "pc"}
REFUSED = {BOB: 550}


@rows(
    # B1
    Case("plain address", SYNTAX),
    Case("quoted local part", SYNTAX, sender='"a b"@good.example'),
    Case("no mail to MAILER-DAEMON", SYNTAX, rcpts={"MAILER-DAEMON@here.example": 550}, reply="takes no mail"),
    # B2
    Case("spam from self", OURS, sender="boss@local.example", rcpts=REFUSED, reply=r"550 5\.7\.1 .*spam from self"),
    Case("from self, SPF decides", OURS_SPF, sender="boss@here.example", rcpts=REFUSED, reply=r"550 5\.7\.23 .*SPF fail"),
    Case("from self without a record", OURS_SPF, sender="boss@local.example", rcpts=REFUSED, reply="spam from self"),
    Case("zombie", OURS, sender="x@elsewhere.example", **INSIDE, rcpts=REFUSED, reply="zombie"),
    Case("inside as ourselves", OURS, sender="boss@here.example", **INSIDE),
    Case("from this host as anybody", OURS, sender="x@elsewhere.example", ip="127.0.0.1"),
    # B3
    Case("login as its domain", OURS, AUTH, sender="bob@here.example", login="bob", **ROAMING),
    Case("login as another domain", OURS, AUTH, sender="bob@good.example", login="bob", **ROAMING, rcpts=REFUSED,
         reply="bob may not send as good.example"),
    Case("login that may be anybody", OURS, AUTH, sender="x@elsewhere.example", login="carol", **ROAMING),
    Case("domain that any login may use", OURS, AUTH, sender="x@shop.example", login="dora", **ROAMING),
    # B4
    Case("empty sender from a workstation", {**OURS, "sender": {"internal_mta": "203.0.113.25"}}, sender="", **INSIDE,
         rcpts=REFUSED),
    Case("empty sender from our server", {**OURS, "sender": {"internal_mta": "203.0.113.25"}}, sender="",
         ip="203.0.113.25", helo="mx.here.example"),
    Case("empty sender from outside", {**OURS, "sender": {"internal_mta": "203.0.113.25"}}, sender=""),
    Case("private relay from outside", {**OURS, "sender": {"private_relay": "lan.example"}}, rcpts={"x@lan.example": 550}),
    Case("private relay from inside", {**OURS, "sender": {"private_relay": "lan.example"}}, **INSIDE,
         rcpts={"x@lan.example": 250}),
    # B5
    Case("banned domain", {"sender": {"banned_domains": "*.bad.example"}}, sender="x@mail12.bad.example", rcpts=REFUSED),
    Case("banned mailbox, not its provider", {"sender": {"banned_domains": "spam@good.example",
                                                         "email_providers": "good.example"}}),
    Case("banned mailbox", {"sender": {"banned_domains": "alice@good.example", "email_providers": "good.example"}},
         rcpts=REFUSED),
    # B12
    Case("short Message-ID", {"sender": {"message_id_checks": "yes"}}, headers=(("X-Other", "1"),)),
    Case("our SRS domain, forged", {"srs": {"domains": "here.example", "secret_file": "@srs"}},
         sender="SRS0=AAAA=BB=x.example=y@here.example", rcpts=REFUSED),
    # D2
    Case("two recipients, two answers", {"spf": {"mode": "on"}}, "To-SPF-Fail:carol@here.example OK\n",
         sender="x@strict.example", rcpts={BOB: 550, CAROL: 250}),
    Case("two recipients, the first is taken", {"spf": {"mode": "on"}}, "To-SPF-Fail:carol@here.example OK\n",
         sender="x@strict.example", rcpts={CAROL: 250, BOB: 550}),
    Case("the recipient's domain", {"spf": {"mode": "on"}}, "To-SPF-Fail:here.example OK\n", sender="x@strict.example"),
    Case("DENY stands above all", {"spf": {"mode": "on"}},
         "To-SPF-Fail:here.example OK\nSPF-Fail:strict.example DENY\n",
         sender="x@strict.example", rcpts=REFUSED),
    Case("a reply of one's own", {"spf": {"mode": "on"}}, 'SPF-Fail:strict.example ERROR:"554 5.7.1 not you again"\n',
         sender="x@strict.example", rcpts={BOB: 554}, reply=r"554 5\.7\.1 .*not you again"),
    Case("a temporary reply of one's own", {"spf": {"mode": "on"}}, "SPF-Fail:strict.example 450 4.7.1 later\n",
         sender="x@strict.example", rcpts={BOB: 450}, reply=r"450 4\.7\.1 .*later"),
    Case("discard", {"spf": {"mode": "on"}}, "SPF-Fail:strict.example DISCARD\n", sender="x@strict.example",
         log="DISCARD:", lost=True),
)
def test_envelope(world: World, case: Case) -> None:
    if "srs" in case.settings:
        (world.folder / "srs").write_text("a secret of ours\n")
        (world.folder / "srs").chmod(0o600)
        case.settings["srs"]["secret_file"] = str(world.folder / "srs")
    check(world, case)


def test_short_message_id(world: World) -> None:
    world.serve({"sender": {"message_id_checks": "yes"}})
    content = message("short").replace(message("short").split(b"Message-ID: ")[1].split(b"\r\n")[0], b"<1>")
    assert world.send(ALICE, BOB, content).data.code == 550


LATE = {"spf": {"mode": "on"}, "decide_at": {"SPF-Fail": "message"}}
LOCAL = {"access": "To-SPF-Fail:carol@here.example OK\n"}


def test_mixed_separate(world: World) -> None:
    """The refused recipient is taken out after DATA and its copy kept; the other gets the message (D11)."""
    quarantine = world.folder / "quarantine"
    quarantine.mkdir(exist_ok=True, mode=0o700)
    world.serve({**LATE, "policy": {"mixed": "separate", "access": "@access", "quarantine_dir": str(quarantine)}}, LOCAL)
    outcome = world.send("x@strict.example", [BOB, CAROL], message("mixed"), ip="192.0.2.1")
    assert outcome.accepted, outcome
    world.mta.drain()
    [delivery] = world.sink.wait(1)
    assert delivery.recipients == (CAROL,)
    assert any(b"mixed" in p.read_bytes() for p in quarantine.rglob("*") if p.is_file())


def test_mixed_defer(world: World) -> None:
    """The recipient whose rules differ from the first one's comes alone (D11)."""
    world.serve({**LATE, "policy": {"mixed": "defer", "access": "@access"}}, LOCAL)
    outcome = world.send("x@strict.example", [CAROL, BOB], message("mixed"), ip="192.0.2.1")
    assert [r.code for r in outcome.rcpts.values()] == [250, 452], outcome
    assert outcome.accepted
    alone = world.send("x@strict.example", [BOB], message("alone"), ip="192.0.2.1")
    assert alone.data is not None and alone.data.code == 550, alone
    world.mta.drain()
    assert [d.recipients for d in world.sink.deliveries] == [(CAROL,)]
