"""Input that nobody sends who means well. After each the daemon is up, logs nothing alarming, and takes the next message."""
import pytest

from cases import ALICE, BOB
from harness.client import Client, Gone
from harness.text import message
from harness.world import World

EVERYTHING = {
    "connection": {"hello_checks": "yes", "ptr_checks": "yes", "hello_blacklist": "here.example", "max_demerits": "50",
                   "internal_connect": "203.0.113.0/24"},
    "sender": {"syntax_checks": "yes", "internal_domains": "here.example", "message_id_checks": "yes"},
    "spf": {"mode": "on", "best_guess": "yes", "lax": "yes"},
    "authres": {"add": "yes"},
}
LONG = "x" * 60000


@pytest.fixture
def client(world: World):
    postern = world.serve(EVERYTHING)
    postern.expect(r"header over \d+ bytes: the rest of it is not judged")
    client = world.mta.connect("192.0.2.1")
    yield client
    client.close()
    assert postern.process.running(), postern.log()
    world.sink.clear()
    outcome = world.send(ALICE, BOB, message("the next"))
    assert outcome.accepted, f"{outcome}\n{postern.log()}"


def quietly(client: Client, *lines: bytes | str) -> None:
    """Whatever the MTA says, or if it hangs up, is its business."""
    try:
        for line in lines:
            client.cmd(line)
    except (Gone, ConnectionError, TimeoutError):
        pass


def utf8(text: str) -> bytes:
    return text.encode()


HELOS = {
    "empty": b"EHLO ", "long": f"EHLO {LONG}".encode(), "control bytes": b"EHLO \x01\x02\x7f", "NUL": b"EHLO a\0b.example",
    "8-bit": b"EHLO \xff\xfe.example", "percent": b"EHLO %n%s%s%n", "newline in the middle": b"EHLO a\nRSET",
    "CR in the middle": b"EHLO a\rb", "only dots": b"EHLO ........", "IPv6 literal": b"EHLO [IPv6:::::::::]",
    "UTF-8": utf8("EHLO müller.example"), "quotes": b"EHLO \"a\" \"b",
}


@pytest.mark.parametrize("line", HELOS.values(), ids=HELOS.keys())
def test_helo(client: Client, line: bytes) -> None:
    quietly(client, line, b"MAIL FROM:<alice@good.example>", b"RCPT TO:<bob@here.example>", b"RSET")


PATHS = {
    "no brackets": b"alice@good.example", "open bracket": b"<alice@good.example", "nothing": b"", "spaces": b"<   >",
    "no domain": b"<alice>", "no local part": b"<@good.example>", "two ats": b"<a@b@good.example>",
    "quoted at": b'<"a@b"@good.example>', "open quote": b'<"alice@good.example>',
    "source route": b"<@a.example,@b.example:x@good.example>",
    "long local part": f"<{LONG}@good.example>".encode(), "long domain": f"<a@{'a.' * 20000}example>".encode(),
    "many labels": f"<a@{'a.' * 120}example>".encode(),
    "NUL": b"<a\0b@good.example>", "control bytes": b"<a\x01b@good.example>",
    "8-bit local part": b"<\xff\xfe@good.example>", "percent": b"<%s%n@good.example>", "address literal": b"<a@[192.0.2.1]>",
    "bad literal": b"<a@[999.1.1.1]>", "empty label": b"<a@good..example>", "final dot": b"<a@good.example.>",
    "backslash": b'<"a\\"@good.example>', "CR": b"<a\rb@good.example>",
    "arguments": b"<a@good.example> SIZE=99999999999999999999 X=\xff",
    "SPF macro letters": b"<%{s}%{l}@%{d}.example>", "many brackets": b"<" * 500 + b"a@good.example" + b">" * 500,
}


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS.keys())
def test_paths(client: Client, path: bytes) -> None:
    quietly(client, b"EHLO mail.good.example", b"MAIL FROM:" + path, b"RCPT TO:<bob@here.example>", b"RSET",
            b"MAIL FROM:<alice@good.example>", b"RCPT TO:" + path, b"RSET")


def test_10000_recipients(client: Client, world: World) -> None:
    """No more than max_recipients are taken; the rest are told to come later, and the message arrives."""
    client.ehlo("mail.good.example")
    assert client.mail(ALICE).code == 250
    codes = []
    for start in range(0, 10000, 500):
        codes += [r.code for r in client.pipeline(f"RCPT TO:<u{i}@here.example>" for i in range(start, start + 500))]
    assert codes[:1000] == [250] * 1000
    assert set(codes[1000:]) == {452}
    assert client.data(message("to many")).code == 250
    world.mta.drain(120)
    assert sum(len(d.recipients) for d in world.sink.deliveries) == 1000


CONTENT = {
    "1 MB header": b"Subject: x\r\nX-Long: " + b"y" * (1 << 20) + b"\r\n\r\nbody\r\n",
    "folded 1 MB header": b"Subject: x\r\nX-Long: " + b"\r\n".join([b" " + b"y" * 900] * 1200) + b"\r\n\r\nbody\r\n",
    "100,000 headers": b"".join(b"X-%d: y\r\n" % i for i in range(100000)) + b"\r\nbody\r\n",
    "10,000 Authentication-Results": b"Authentication-Results: mx.here.example; none\r\n" * 10000 + b"\r\nbody\r\n",
    "no headers": b"\r\nbody\r\n", "no blank line": b"body without a header\r\n", "nothing": b"", "only a dot": b".\r\n",
    "empty name": b": value\r\n\r\nbody\r\n", "no colon": b"Subject x\r\nFrom y\r\n\r\nbody\r\n",
    "header of NULs": b"Subject: \0\0\0\r\nX-\0: y\r\n\r\nbo\0dy\r\n",
    "8-bit header": b"Subject: \xff\xfe\xfd\r\nFrom: \xc3\xbc@good.example\r\n\r\n\xff\r\n",
    "bare LF": b"Subject: x\nX-Other: y\n\nbody\n.\nstill body\r\n",
    "bare CR": b"Subject: x\rX-Other: y\r\r\n\r\nbody\r.\r\n",
    "continuation first": b" folded\r\nSubject: x\r\n\r\nbody\r\n", "only blanks": b"Subject:\r\n \r\n\t\r\n\r\nbody\r\n",
    "long lines": b"Subject: x\r\n\r\n" + b"z" * 200000 + b"\r\n", "percents": b"Subject: %n%s%n\r\n%s: %n\r\n\r\n%n\r\n",
    "long Message-ID": b"Message-ID: <" + b"a" * 5000 + b"@good.example>\r\n\r\nbody\r\n",
    "5 MB": b"Subject: x\r\n\r\n" + (b"0123456789" * 7 + b"\r\n") * 72000,
}


@pytest.mark.parametrize("content", CONTENT.values(), ids=CONTENT.keys())
def test_content(client: Client, world: World, content: bytes) -> None:
    client.ehlo("mail.good.example")
    try:
        outcome = client.message(ALICE, [BOB], content)
    except (Gone, ConnectionError):
        return
    # A temporary failure would bring it back for ever. Sendmail itself gives one to what its milter protocol cannot carry
    # (fields over 64 KiB), and hangs up on bare CR and LF.
    own = world.mta.name == "sendmail" and (outcome.last.code == 421 or b"yyyyyyyy" in content)
    assert outcome.last.kind in (2, 5) or own, outcome
    if outcome.accepted:
        world.sink.wait(1)


def test_smuggling(client: Client, world: World) -> None:
    """Ends of data that are none (LF . LF and its kin): whatever the MTA makes of them, no message passes unjudged."""
    client.ehlo("mail.good.example")
    for end in (b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r"):
        client.mail(ALICE)
        client.rcpt(BOB)
        client.cmd("DATA")
        client.send(b"Subject: one\r\n\r\nbody" + end + b"MAIL FROM:<x@strict.example>\r\n"
                    b"RCPT TO:<bob@here.example>\r\nDATA\r\nSubject: smuggled\r\n\r\nsecond\r\n.\r\n")
        client.sock.settimeout(1)
        try:
            while True:
                client.read_reply()
        except (TimeoutError, Gone):
            pass
        client.close()
        client = world.mta.connect("192.0.2.1")
        client.ehlo("mail.good.example")
    client.close()
    world.mta.drain()
    assert all(d.sender == ALICE for d in world.sink.deliveries)


@pytest.mark.parametrize("sender", ["müller@good.example", "alice@grün.example"])
def test_smtputf8(world: World, sender: str) -> None:
    if not world.mta.smtputf8:
        pytest.skip(f"{world.mta.name} of Debian knows no SMTPUTF8")
    world.serve(EVERYTHING)
    world.names.add('xn--grn-ioa.example TXT "v=spf1 ip4:192.0.2.1 -all"')
    with world.session() as client:
        assert client.mail(sender, "SMTPUTF8").code == 250
        assert client.rcpt("jürgen@here.example").code == 250
        assert client.data(message("grüße")).code == 250
    [delivery] = world.sink.wait(1)
    assert (delivery.sender, delivery.recipients) == (sender, ("jürgen@here.example",))
    assert delivery.header("Received-SPF")[0].startswith("pass")


def test_8bit_without_smtputf8(client: Client) -> None:
    quietly(client, b"EHLO mail.good.example", utf8("MAIL FROM:<müller@good.example>"), b"RCPT TO:<b\xf6b@here.example>",
            b"DATA", b"Subject: x\r\n\r\n\xf6\r\n.")


def test_commands_out_of_order(client: Client) -> None:
    quietly(client, "RCPT TO:<bob@here.example>", "DATA", "EHLO mail.good.example", "DATA", "RCPT TO:<bob@here.example>",
            "MAIL FROM:<alice@good.example>", "MAIL FROM:<alice@good.example>", "EHLO mail.good.example",
            "RCPT TO:<bob@here.example>", "NOOP", "VRFY bob", "FROBNICATE", "RSET", "RSET")


def test_state_does_not_leak(world: World) -> None:
    """What one message brought is gone at the next: after acceptance, refusal, RSET, a second EHLO and a broken DATA."""
    world.serve({"spf": {"mode": "on"}, "authres": {"add": "yes"}})
    with world.session() as client:
        assert client.message(ALICE, [BOB], message("one", more=[("X-One", "1")])).accepted
        assert not client.message("x@strict.example", [BOB], message("two")).accepted
        client.mail("x@soft.example")
        client.rcpt(BOB)
        client.ehlo("mail.good.example")
        assert client.message(ALICE, [BOB], message("three")).accepted
    one, three = sorted(world.sink.wait(2), key=lambda d: d.header("Subject"))
    for delivery in (one, three):
        assert len(delivery.header("Received-SPF")) == 1
        assert len(delivery.header("Authentication-Results")) == 1
        assert "alice@good.example" in delivery.header("Authentication-Results")[0]
    assert three.header("X-One") == []
