"""C. SPF as SMTP sees it, and E5."""
from cases import ALICE, BOB, CAROL, Case, check, rows
from harness.text import message
from harness.world import World

ON = {"spf": {"mode": "on"}}
HEADER = {"spf": {"mode": "header"}}
BOTH = {"spf": {"mode": "on"}, "authres": {"add": "yes"}}
LAX = {"spf": {"mode": "on", "lax": "yes"}}
REFUSED = {BOB: 550}
STRANGER = {"ip": "198.51.100.200", "helo": "mail.stranger.example"}


def spf(**values: str) -> dict[str, dict[str, str]]:
    return {"spf": {"mode": "on", **values}}


@rows(
    # C1, C8
    Case("pass", ON, delivered={"Received-SPF": r"^pass .*(?i:client-ip=\"?192\.0\.2\.1)"}),
    Case("pass over IPv6", ON, ip="2001:db8:1::1", delivered={"Received-SPF": "^pass "}),
    Case("fail", ON, sender="x@strict.example", rcpts=REFUSED, reply=r"550 5\.7\.23 .*SPF fail"),
    Case("fail, explained by the domain", ON, sender="x@explain.example", rcpts=REFUSED,
         reply=r"explain\.example explains: .*192\.0\.2\.1 is none of ours, says explain\.example"),
    Case("fail, explained by us", spf(explanation="see https://here.example/why?ip=%{i}"), sender="x@strict.example",
         rcpts=REFUSED, reply=r"see https://here\.example/why\?ip=192\.0\.2\.1"),
    Case("softfail passes by default", ON, sender="x@soft.example", delivered={"Received-SPF": "^softfail "}),
    Case("softfail by rule", {**ON, "verbs": {"SPF-SoftFail": "REJECT"}}, sender="x@soft.example", rcpts=REFUSED),
    Case("neutral has its own tag", ON, "SPF-Neutral:neutral.example REJECT\n", sender="x@neutral.example", rcpts=REFUSED),
    # C2
    Case("header only", HEADER, sender="x@strict.example",
         delivered={"Received-SPF": r"^fail .*mx\.here\.example.*envelope-from=\"?x@strict\.example"}),
    Case("off adds nothing", {}, sender="x@strict.example", delivered={"Received-SPF": None}),
    # C3
    Case("HELO fail", ON, sender="x@none.example", helo="strict.example", ip="192.0.2.40", rcpts=REFUSED,
         reply=r"HELO strict\.example"),
    Case("HELO softfail counts as fail", ON, sender="x@none.example", helo="soft.example", ip="192.0.2.40", rcpts=REFUSED),
    Case("HELO fail by rule", ON, "HELO-Fail:strict.example OK\n", sender="x@none.example", helo="strict.example",
         ip="192.0.2.40"),
    Case("HELO is not asked when MFROM passed", ON, helo="strict.example"),
    Case("null sender is judged by HELO", ON, sender="", helo="strict.example", rcpts=REFUSED),
    Case("null sender, HELO passes", ON, sender="", delivered={"Received-SPF": "^pass .*identity=\"?helo"}),
    # C4
    Case("best guess", spf(best_guess="yes"), "SPF-None: REJECT\n", sender="x@guess.example", helo="pc",
         delivered={"Received-SPF": "^none "}),
    # C5
    Case("delegate passes", spf(delegate="delegate.example"), sender="x@delegated.example", ip="192.0.2.60",
         delivered={"Received-SPF": "^pass "}),
    Case("delegate fails", spf(delegate="delegate.example"), sender="x@delegated.example", rcpts=REFUSED),
    # C6
    Case("three strikes", ON, "SPF-None: REJECT\n", sender="x@none.example", **STRANGER, rcpts=REFUSED, reply="three strikes"),
    Case("two strikes", ON, "SPF-None: REJECT\n", sender="x@none.example", ip="192.0.2.40", helo="mail.stranger.example"),
    # C7
    Case("permerror, the correction is told", ON, sender="x@broken.example", rcpts=REFUSED,
         reply=r"550 5\.5\.2 .*broken.*ip4:192\.0\.2\.1.*"),
    Case("permerror, lax pass decides", LAX, sender="x@broken.example"),
    Case("permerror, lax fail decides", LAX, sender="x@brokenfail.example", rcpts=REFUSED),
    # C10
    Case("temperror", ON, sender="x@tempmech.example", rcpts={BOB: 451}, reply=r"451 4\.4\.3"),
    Case("temperror by rule", ON, "SPF-TempError: OK\n", sender="x@tempmech.example"),
    Case("a pass behind what could only have passed", ON, sender="x@temppass.example",
         delivered={"Received-SPF": "^pass "}),
    # C11
    Case("outgoing is not checked unless asked", {**ON, "connection": {"internal_connect": "203.0.113.0/24"}},
         sender="x@strict.example", ip="203.0.113.1"),
    Case("outgoing by local policy", {**spf(internal_policy="ip4:203.0.113.0/28 -all"),
                                      "connection": {"internal_connect": "203.0.113.0/24"}},
         ip="203.0.113.200", rcpts=REFUSED),
    Case("outgoing that local policy allows", {**spf(internal_policy="ip4:203.0.113.0/28 -all"),
                                               "connection": {"internal_connect": "203.0.113.0/24"}}, ip="203.0.113.1"),
    # C12
    Case("user not local", spf(user_not_local="yes"), sender="x@strict.example", rcpts={BOB: 551, CAROL: 551},
         reply=r"551 5\.7\.1 .*User not local; please try <carol@here\.example>"),
    # B11
    Case("trusted forwarder", spf(trusted_forwarder="good.example"), sender="x@strict.example"),
    # E5
    Case("Authentication-Results", BOTH,
         delivered={"Authentication-Results": r"^mx\.here\.example;.*spf=pass.*smtp\.mailfrom=alice@good\.example"}),
    Case("auth in Authentication-Results", BOTH, login="bob", delivered={"Authentication-Results": "auth=pass"}),
)
def test_spf(world: World, case: Case) -> None:
    check(world, case)


FORGED = ("mx.here.example; spf=pass smtp.mailfrom=forged.example", "MX.HERE.EXAMPLE; dkim=pass header.d=forged.example",
          '"mx.here.example"; dmarc=pass header.from=forged.example', "(note) mx.here.example 1; arc=pass (forged.example)")
FOREIGN = ("relay.trusted.example; spf=pass smtp.mailfrom=foreign.example", "xmx.here.example; none (foreign.example)")


def test_forged_results_are_removed(world: World) -> None:
    """All that bear our name go, wherever they stand; other people's stay, in their order (E5)."""
    world.serve(BOTH)
    fields = [("Authentication-Results", v) for pair in zip(FORGED, FOREIGN + ("",) * 2) for v in pair if v]
    assert world.send(ALICE, BOB, message("forged", more=fields)).accepted
    [delivery] = world.sink.wait(1)
    results = delivery.header("Authentication-Results")
    assert len(results) == 3, delivery.head.decode()
    assert "spf=pass" in results[0] and "forged.example" not in delivery.head.decode()
    assert [r.replace("\t", " ") for r in results[1:]] == list(FOREIGN)


def test_forged_results_behind_much_header(world: World) -> None:
    """A forged field must not slip through because there is more header than we keep (E5)."""
    postern = world.serve(BOTH)
    postern.expect(r"header over \d+ bytes")
    fields = [(f"X-Padding-{i}", "y" * 900) for i in range(1500)]
    outcome = world.send(ALICE, BOB, message("hidden", more=[*fields, ("Authentication-Results", FORGED[0])]))
    if outcome.accepted:
        [delivery] = world.sink.wait(1)
        assert b"forged.example" not in delivery.head
    else:
        assert outcome.last.kind == 5


def test_spf_is_asked_once(world: World) -> None:
    """Ten recipients, one evaluation; a message without a valid recipient costs none (C9)."""
    world.serve(ON)
    domain = f"once-{world.mta.name}.example"
    world.names.add(f'{domain} TXT "v=spf1 ip4:192.0.2.1 -all"')
    rcpts = [f"user{i}@here.example" for i in range(10)]
    assert world.send(f"x@{domain}", rcpts, message("ten")).accepted
    asked = [q for q in world.names.questions() if q.startswith(f"{domain}. TXT")]
    assert len(asked) == 1, asked
