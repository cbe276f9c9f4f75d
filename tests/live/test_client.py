"""A. Connection and HELO."""
from cases import BOB, Case, check, rows
from harness.process import wait_until
from harness.world import World

CLASSES = {"connection": {
    "internal_connect": "203.0.113.*, 2001:db8:77::/48, pc.lan.example",
    "trusted_relay": "198.51.100.7",
}}
TESTS = {"connection": {"hello_checks": "yes", "ptr_checks": "yes", "hello_blacklist": "here.example, mx.here.example",
                        "internal_connect": "203.0.113.0/24"}}
EARLY = {"connection": {**TESTS["connection"], "delayed_reject": "no"}}
IPREV = {"connection": {"iprev": "yes"}, "authres": {"add": "yes"}}
REFUSED = {BOB: 550}


@rows(
    # A1, A2
    Case("external", CLASSES, log=r"connect from mail\.good\.example at \('192\.0\.2\.1', \d+\) EXTERNAL$"),
    Case("internal by glob", CLASSES, ip="203.0.113.1", log=r"pc1\.here\.example at \('203\.0\.113\.1', \d+\) INTERNAL$"),
    Case("internal by IPv6 network", CLASSES, ip="2001:db8:77::5", log=r"\('2001:db8:77::5', \d+\) INTERNAL"),
    Case("internal by the address of a name", CLASSES, ip="198.51.100.44", log=r"\('198\.51\.100\.44', \d+\) INTERNAL"),
    Case("a PTR that claims to be internal is not believed", CLASSES, ip="198.51.100.45",
         log=r"\('198\.51\.100\.45', \d+\) EXTERNAL$"),
    Case("trusted", CLASSES, ip="198.51.100.7", log=r"relay\.trusted\.example at .* EXTERNAL TRUSTED"),
    Case("dynamic name", CLASSES, ip="192.0.2.20", log=r"dsl-192-0-2-20\.pool\.isp\.example at .* EXTERNAL DYN$"),
    Case("no PTR is dynamic", CLASSES, ip="198.51.100.200", log=r"EXTERNAL DYN$"),
    # A3
    Case("PTR localhost", TESTS, ip="192.0.2.9", rcpts=REFUSED, reply=r"550 5\.7\.25 .*localhost"),
    Case("PTR localhost, refused at MAIL", EARLY, ip="192.0.2.9", mail=550),
    Case("PTR localhost, authenticated", TESTS, ip="192.0.2.9", login="bob"),
    # A4
    Case("HELO is an address", TESTS, helo="198.51.100.7", rcpts=REFUSED, reply=r"550 5\.7\.1 .*HELO 198\.51\.100\.7"),
    Case("HELO is an address in brackets", TESTS, helo="[192.0.2.1]"),
    Case("HELO is ours", TESTS, helo="mx.here.example", rcpts=REFUSED, reply=r"that is us"),
    Case("HELO is ours, refused at MAIL", EARLY, helo="MX.Here.Example", mail=550),
    Case("HELO is ours, client too", TESTS, ip="203.0.113.1", helo="mx.here.example"),
    Case("HELO is ours, authenticated", TESTS, helo="mx.here.example", login="bob"),
    Case("nothing is tested without being asked for", {}, ip="192.0.2.9", helo="1.2.3.4"),
    # A8
    Case("iprev pass", IPREV, delivered={"Authentication-Results": r"iprev=pass"}),
    Case("iprev fail", IPREV, ip="192.0.2.30",
         delivered={"Authentication-Results": r"iprev=fail"}),
    Case("iprev permerror", IPREV, ip="198.51.100.200",
         delivered={"Authentication-Results": r"iprev=permerror"}),
    Case("iprev fail by rule", {**IPREV, "verbs": {"iprev-Fail": "REJECT"}}, ip="192.0.2.30", rcpts=REFUSED),
)
def test_client(world: World, case: Case) -> None:
    check(world, case)


def test_helo_is_judged_again(world: World) -> None:
    """A second HELO takes the place of the first (A5)."""
    world.serve(TESTS)
    with world.session(helo="mx.here.example") as client:
        assert client.mail("alice@good.example").code == 250
        assert client.rcpt(BOB).code == 550
        client.rset()
        client.ehlo("mail.good.example")
        assert client.mail("alice@good.example").code == 250
        assert client.rcpt(BOB).code == 250


def test_helo_in_a_transaction(world: World) -> None:
    """Postfix tells of a HELO and then of the abort that it is, so it is known from RSET; of Sendmail it is not
    known, and nobody is blamed (A5)."""
    postern = world.serve({"connection": {"max_demerits": "100"}})
    for rset in (True, False, True):
        with world.session() as client:  # one for each: Sendmail sleeps longer and longer after the third HELO
            assert client.mail("alice@good.example").code == 250
            assert client.rcpt(BOB).code == 250
            if rset:
                assert client.rset().code == 250
            assert client.ehlo("mail.good.example").code == 250
            assert client.ehlo("mail.good.example").code == 250
            client.quit()
    wait_until(lambda: sum("hello from" in line for line in postern.lines()) >= 9, 5, "all HELOs")
    blamed = [line for line in postern.lines() if "HELO in the middle of a transaction" in line]
    assert len(blamed) == (1 if world.mta.name == "postfix" else 0), blamed


def test_demerits_end_a_session(world: World) -> None:
    """A HELO of ours is 4 demerits; over the limit nothing more is taken on this connection (A4, A6)."""
    postern = world.serve({"connection": {**TESTS["connection"], "max_demerits": "3"}})
    with world.session(helo="mx.here.example") as client:
        client.mail("alice@good.example")
        assert client.rcpt(BOB).code == 550
        client.rset()
        client.ehlo("mail.good.example")
        client.mail("alice@good.example")
        assert "demerits" in str(client.rcpt(BOB))
    assert "DEMERIT: 4 for a HELO name of ours" in postern.log()
