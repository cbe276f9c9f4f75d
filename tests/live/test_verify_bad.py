"""E1. Signatures and keys that nobody makes who means well: each gets a clear result, the work is bounded, and the next message
is verified as ever."""
import base64
import re
import secrets
import time
from typing import Mapping

import pytest
from cases import ALICE, BOB
from harness.sink import Delivery
from harness.text import odd_messages
from harness.world import World

dkim = pytest.importorskip("dkim")
pytest.importorskip("nacl")
pytest.importorskip("authres")
from harness.keys import ALGORITHMS, Keys, txt_record  # noqa: E402  (these need them)
from verified import DKIM, properties, results, serve, words  # noqa: E402

DOMAIN = "bad.example"
PLAIN = odd_messages(DOMAIN)["plain"]
BODY = b"Hello.\r\n"
VERIFIED_MAX = 10  # signatures of one message
DAY = 86400


@pytest.fixture(scope="module")
def keys(tmp_path_factory) -> Keys:
    return Keys(tmp_path_factory.mktemp("keys"), DOMAIN)


def send_each(world: World, contents: Mapping[str, bytes]) -> dict[str, Delivery]:
    """Over one connection, one after the other."""
    got = {}
    with world.session() as client:
        for name, content in contents.items():
            assert client.message(ALICE, [BOB], content).accepted, name
            [got[name]] = world.sink.wait(1)
            world.sink.clear()
    return got


def compare(deliveries: Mapping[str, Delivery], wanted: Mapping[str, tuple[str, str]]) -> None:
    """A result and a pattern of its reason each; all at once, so that all that differ are seen."""
    bad = {}
    for name, (word, reason) in wanted.items():
        [result] = results(deliveries[name], "dkim")
        if result.result != word or not re.search(reason or "^$", result.reason or ""):
            bad[name] = (result.result, result.reason, "wanted", word, reason)
    assert not bad, bad


def odd_tags() -> dict[str, tuple[dict, str, str]]:
    """Tags for sign_oddly(), with the result and the reason."""
    now = int(time.time())
    return {
        "nothing odd": ({}, "pass", ""),
        "unknown tags": ({"zz": "1", "y": ""}, "pass", ""),
        "l=0": ({"l": "0"}, "policy", "^8 bytes at the end are not signed"),
        "l= of half": ({"l": "4"}, "policy", "^4 bytes at the end are not signed"),
        "l= of all": ({"l": str(len(BODY))}, "pass", ""),
        "l= with zeros before": ({"l": "0" * 70 + "8"}, "pass", ""),
        "l= over the body": ({"l": "9"}, "permerror", "^l= is larger than the body"),
        "l= far over the body": ({"l": "9" * 18}, "permerror", "^l= is larger than the body"),
        "l= over all numbers": ({"l": "9" * 76}, "permerror", "^l= is not a length"),
        "l= below zero": ({"l": "-1"}, "permerror", "^l= is not a length"),
        "expired": ({"t": str(now - 10), "x": str(now - 5)}, "permerror", "^the signature has expired"),
        "expires soon": ({"t": str(now), "x": str(now + 600)}, "pass", ""),
        "expires before it was made": ({"t": str(now), "x": str(now - 1)}, "permerror", "^x= is not after t="),
        "never expires": ({"x": "9" * 60}, "pass", ""),
        "from the future": ({"t": str(now + 2 * DAY)}, "permerror", "^signed in the future"),
        "of a clock that is an hour ahead": ({"t": str(now + 3600)}, "pass", ""),
        "t= is a word": ({"t": "yesterday"}, "permerror", "^t= is not a time"),
        "i= of a subdomain": ({"i": f"joe@sub.{DOMAIN}"}, "pass", ""),
        "i= of another domain": ({"i": "joe@bank.example"}, "permerror", "^i= is not in the domain d="),
        "i= of a name that ends alike": ({"i": f"@x{DOMAIN}"}, "permerror", "^i= is not in the domain d="),
        "i= without an at": ({"i": DOMAIN}, "permerror", "^i= is not an identity"),
        "d= of one label": ({"d": "example"}, "permerror", "^d= is not a domain"),
        "d= of dots": ({"d": "bad..example"}, "permerror", "^d= is not a domain"),
        "d= of 300 bytes": ({"d": "x." * 150 + "example"}, "permerror", "^d= is not a domain"),
        "d= of 8-bit garbage": ({"d": "b\udcffd.example"}, "permerror", "^d= is not a domain"),
        "s= and d= too long together": ({"s": "s" * 60, "d": f"{'d' * 60}." * 3 + DOMAIN}, "permerror", "^s= and d= make no name"),
        "s= is an attack": ({"s": "../../etc/passwd"}, "permerror", "^s= is not a selector"),
        "v=2": ({"v": "2"}, "permerror", "^v= is not 1"),
        "no v=": ({"v": None}, "permerror", "^v= is missing"),
        "no bh=": ({"bh": None}, "permerror", "^bh= is missing"),
        "bh= of three bytes": ({"bh": "AAAA"}, "fail", "^the body is not the one that was signed"),
        "a= of tomorrow": ({"a": "rsa-sha512"}, "permerror", "^a= is not a known algorithm"),
        "a= of yesterday": ({"a": "rsa-sha1"}, "permerror", "^the key is of another type"),
        "c= of nowhere": ({"c": "nowsp"}, "permerror", "^c= is not a known canonicalization"),
        "q= by carrier pigeon": ({"q": "pigeon"}, "permerror", "^q= has no known method"),
    }


def test_odd_tags(world: World, keys: Keys) -> None:
    serve(world, keys, DKIM)
    table = odd_tags()
    sent = {name: keys.sign_oddly(PLAIN, tags) for name, (tags, _, _) in table.items()}
    compare(send_each(world, sent), {name: wanted for name, (_, *wanted) in table.items()})


def test_odd_names(world: World, keys: Keys) -> None:
    """h=, whatever it names."""
    serve(world, keys, DKIM)
    table = {"to:subject": ("permerror", "^h= does not name From"),
             "": ("permerror", "^h= (does not name From|is missing)"),
             "from" + ":nothing" * 999: ("pass", ""),
             "from" + ":nothing" * 1000: ("permerror", "^h= names too many fields"),
             "from:from:from:subject:subject": ("pass", ""),
             ":::from:::": ("pass", ""),
             "From : Subject": ("pass", "")}
    compare(send_each(world, {names: keys.sign_oddly(PLAIN, {}, names) for names in table}), table)


GARBAGE = {
    "nothing": b"", "semicolons": b";" * 500, "equals": b"=" * 500, "v alone": b"v=1", "a word": b"signature", "control bytes":
    b"v=1; d=\x01\x02\x1b[31m; s=\x7f", "8-bit": b"v=1; d=\xff\xfe.example; s=\xc3\x28; b=\xff", "percent": b"v=1; d=%n%s%n.example; s=%n",
    "a tag twice": b"v=1; d=bad.example; d=bank.example; s=ed; a=ed25519-sha256; h=from; bh=AAAA; b=AAAA",
    "a comment": b"(v=1; d=bad.example)", "quotes": b'v="1"; d="bad.example', "tags without end": b"a=" * 2000,
    "base64 of nobody": b"v=1; d=bad.example; s=ed; a=ed25519-sha256; h=from; bh=!!!!; b=????", "a result":
    b"v=1; d=bad.example; i=@bad.example\r\n\tdkim=pass header.d=bank.example; s=ed",
}


def test_garbage(world: World, keys: Keys) -> None:
    """What is no signature at all is a permerror, in one line that other programs can read."""
    serve(world, keys, DKIM)
    sent = {name: b"DKIM-Signature: " + value + b"\r\n" + PLAIN for name, value in GARBAGE.items()}
    for name, delivery in send_each(world, sent).items():
        [result] = results(delivery, "dkim")
        assert result.result == "permerror" and result.reason, name
        assert "bank.example" not in properties(result).get("header.d", ""), name
        delivery.header("Authentication-Results")[0].encode("ascii")


def rsa_record(bits: int) -> str:
    """Of a number that nobody knows the factors of: what is wrong must be seen before it is used."""
    def der(tag: int, content: bytes) -> bytes:
        size = len(content)
        length = bytes([size]) if size < 128 else bytes([0x82]) + size.to_bytes(2, "big")
        return bytes([tag]) + length + content

    modulus = secrets.randbits(bits) | 1 << bits - 1 | 1
    number = der(2, b"\0" + modulus.to_bytes(bits // 8, "big"))
    return "v=DKIM1; p=" + base64.b64encode(der(0x30, number + der(2, (65537).to_bytes(3, "big")))).decode()


def test_odd_keys(world: World, keys: Keys) -> None:
    """Each under a selector of its own."""
    good = keys.public["ed"]
    p = good.split("p=")[1]
    table: dict[str, tuple[list[str], str, str]] = {
        "revoked": (["v=DKIM1; k=ed25519; p="], "permerror", "^the key is revoked"),
        "garbage": (["Lorem ipsum \x01\x7f %n"], "permerror", "^the key record is malformed"),
        "empty": ([""], "permerror", "^the key record is malformed"),
        "other": (["v=spf1 -all"], "permerror", "^the key record is"),
        "two": ([good, good + "; n=x"], "permerror", "^there are several key records"),
        "beside": ([good, "v=spf1 -all", "google-site-verification=x"], "pass", ""),
        "bare": ([f"k=ed25519; p={p}"], "pass", ""),
        "version": ([good.replace("DKIM1", "DKIM2")], "permerror", "^the key record is not of version DKIM1"),
        "late": ([f"k=ed25519; v=DKIM1; p={p}"], "permerror", "^the key record is not of version DKIM1"),
        "service": ([good + "; s=tlsrpt"], "permerror", "^the key is not for email"),
        "sha1": ([good + "; h=sha1"], "permerror", "^the key is not for sha256"),
        "testing": ([good + "; t=y"], "pass", ""),
        "strict": ([good + "; t=s"], "permerror", "^the key is not for subdomains"),
        "type": ([good.replace("ed25519", "ed448")], "permerror", "^the key is of an unknown type"),
        "short": (["v=DKIM1; k=ed25519; p=AAAA"], "permerror", "^the key is not an Ed25519 key"),
        "zero": ([f"v=DKIM1; k=ed25519; p={base64.b64encode(bytes(32)).decode()}"], "fail", "^the signature does not fit the header"),
        "base64": (["v=DKIM1; k=ed25519; p=%%%%"], "permerror", "^the key is not base64"),
        "rsa-ed": ([good.replace("ed25519", "rsa")], "permerror", "^the key is not an RSA key"),
        "rsa512": ([rsa_record(512)], "permerror", "^the key has only 512 bits"),
        "rsa1016": ([rsa_record(1016)], "permerror", "^the key has only 1016 bits"),
        "rsa16k": ([rsa_record(16384)], "policy", "^a key of 16384 bits is more than we use"),
        "many": ([f"record {i} {'x' * 200}" for i in range(200)], "permerror", "^there is no key record"),
    }
    zone = "".join(txt_record(f"{name}._domainkey.{DOMAIN}.", record.replace("\\", "\\\\")) for name, (records, _, _) in table.items()
                   for record in records)
    zone += f"alias._domainkey.{DOMAIN}. CNAME ed._domainkey.{DOMAIN}.\nhuge._domainkey.{DOMAIN}. BIGTXT 60000\n"
    zone += "circle._domainkey." + DOMAIN + ". CNAME circle2." + DOMAIN + ".\ncircle2." + DOMAIN + f". CNAME circle._domainkey.{DOMAIN}.\n"
    table |= {"alias": ([], "pass", ""), "huge": ([], "policy", "^the key record is too long"),
              "circle": ([], "temperror", "^the key could not be looked up: SERVFAIL")}
    serve(world, keys, DKIM, zone=zone)
    sent = {name: keys.sign_oddly(PLAIN, {"s": name, **({"i": f"@sub.{DOMAIN}"} if name == "strict" else {}),
                                          **({"a": ALGORITHMS["rsa"]} if name.startswith("rsa") else {})}) for name in table}
    compare(send_each(world, sent), {name: wanted for name, (_, *wanted) in table.items()})
    for name in ("rsa16k", "many", "huge"):
        assert f"{name}._domainkey.{DOMAIN}. TXT tcp" in world.names.questions(), name


@pytest.mark.parametrize("good_at, word", [("top", "pass"), ("bottom", "permerror")])
def test_a_thousand_signatures(world: World, keys: Keys, good_at: str, word: str) -> None:
    """Ten are looked at, from the top; the others cost neither questions nor time."""
    domain = f"many-{good_at}-{world.mta.name}.example"
    serve(world, keys, DKIM)
    line = b"DKIM-Signature: v=1; a=rsa-sha256; d=%s; s=s%d; h=from; bh=" + b"A" * 43 + b"=; b=" + b"A" * 342 + b"==\r\n"
    many = b"".join(line % (domain.encode(), i) for i in range(1000))
    content = keys.sign_oddly(many + PLAIN, {}) if good_at == "top" else many + keys.sign_oddly(PLAIN, {})
    before, started = len(world.names.questions()), time.monotonic()
    assert world.send(ALICE, BOB, content).accepted
    assert time.monotonic() - started < 10
    asked = [q for q in world.names.questions()[before:] if "_domainkey" in q]
    assert len(asked) == VERIFIED_MAX, asked
    [delivery] = world.sink.wait(1)
    world.sink.clear()
    assert words(delivery, "dkim") == [word] + ["permerror"] * (VERIFIED_MAX - 1)
    assert words(send_each(world, {"next": keys.sign(PLAIN, "ed")})["next"], "dkim") == ["pass"]


def test_slow_keys_of_many(world: World, keys: Keys) -> None:
    """Ten signatures whose keys never come take as long as one."""
    domain = f"silent-{world.mta.name}.example"
    serve(world, keys, DKIM, zone=f"*._domainkey.{domain}. ERROR TIMEOUT\n")
    content = PLAIN
    for i in range(VERIFIED_MAX):
        content = keys.sign_oddly(content, {"d": domain, "s": f"s{i}"})
    started = time.monotonic()
    assert world.send(ALICE, BOB, content).accepted
    assert time.monotonic() - started < 6
    assert words(world.sink.wait(1)[0], "dkim") == ["temperror"] * VERIFIED_MAX


def test_a_large_signature(world: World, keys: Keys) -> None:
    """60 KB; what is over 64 KB no MTA hands to a milter."""
    serve(world, keys, DKIM)
    padding = "\r\n\t".join("x" * 900 for _ in range(66))
    compare(send_each(world, {"large": keys.sign_oddly(PLAIN, {"zz": padding})}), {"large": ("pass", "")})


def test_long_identities(world: World, keys: Keys) -> None:
    """What a stranger writes into i= does not make our field so large that an MTA cuts off what stands behind."""
    serve(world, keys, DKIM)
    content = PLAIN
    for i in range(VERIFIED_MAX):
        content = keys.sign_oddly(content, {"i": "\r\n\t".join([f"{i}" + "x" * 900] * 50) + f"@{DOMAIN}"})  # blanks do not count
    delivery = send_each(world, {"long": content})["long"]
    assert words(delivery, "dkim") == ["pass"] * VERIFIED_MAX
    ours = delivery.head.partition(b"\r\nDKIM-Signature:")[0]
    assert len(ours) < 8192 and max(len(line) for line in ours.split(b"\r\n")) < 998


def test_results_in_an_identity(world: World, keys: Keys) -> None:
    """A quote, a semicolon and a result of another method in i=: it stays one value."""
    serve(world, keys, DKIM)
    quoted = "x=22=3B=20dmarc=3Dpass=20header.from=3Dbank.example=3B=20y=3D=22=5C=28"
    delivery = send_each(world, {"quoted": keys.sign_oddly(PLAIN, {"i": f"{quoted}@{DOMAIN}"})})["quoted"]
    [result] = results(delivery, "dkim")
    assert result.result == "pass" and words(delivery, "dmarc") == [], delivery.head
    ours = delivery.header("Authentication-Results")[0]
    assert f'header.i="x\\"; dmarc=pass header.from=bank.example; y=\\"\\\\(@{DOMAIN}" header.s=ed' in ours, ours


def test_names_of_other_alphabets(world: World, keys: Keys) -> None:
    """U-labels in a message that is not of SMTPUTF8: the key stands under the A-labels, and our field is ASCII."""
    zone = txt_record("ed._domainkey.xn--bcher-kva.example.", keys.public["ed"])
    serve(world, keys, DKIM, zone=zone)
    delivery = send_each(world, {"u": keys.sign_oddly(PLAIN, {"d": "bücher.example", "i": "jürgen@bücher.example"})})["u"]
    ours = delivery.head.partition(b"\r\nDKIM-Signature:")[0]
    assert b"dkim=pass" in ours and ours.isascii(), ours
    assert b"xn--bcher-kva.example" in ours, ours
