"""A8. DNS lists, asked of a real name server."""
import time

from cases import ALICE, BOB, Case, check, rows
from harness.text import message
from harness.world import World

LISTS = {"dnsbl": {"bl": "bl.example text: 127.0.0.2 REJECT", "dbl": "dbl.example by sender: 127.0.1.2 REJECT"}}
DEAD = {"dnsbl": {f"dead{i}": f"dead{i}.bl.example" for i in (1, 2, 3)}, "dns": {"dnsbl_timeout_ms": "700"}}
LISTED = "198.51.100.66"
REFUSED = {BOB: 550}


@rows(
    Case("not listed", LISTS),
    Case("listed", LISTS, ip=LISTED, rcpts=REFUSED,
         reply=r"550 5\.7\.1 .*198\.51\.100\.66 is listed by bl \(127\.0\.0\.2\): 100% spam, see https://bl\.example/"),
    Case("listed, IPv6", LISTS, ip="2001:db8:66:9999:9999:9999:9999:9999", rcpts=REFUSED, reply="is listed by bl"),
    Case("a listed domain", LISTS, sender="x@listed.example", rcpts=REFUSED, reply="listed.example is listed by dbl"),
    Case("listed, authenticated", LISTS, ip=LISTED, login="bob"),
    Case("listed, internal", {**LISTS, "connection": {"internal_connect": LISTED}}, ip=LISTED),
    Case("a rule of the access map", LISTS, f"DNSBL:{LISTED} OK\n", ip=LISTED),
    Case("refused by the list", {"dnsbl": {"quota": "quota.bl.example"}}, warning="DNSBL: quota does not answer"),
)
def test_lists(world: World, case: Case) -> None:
    check(world, case)


def test_dead_lists(world: World) -> None:
    """Lists that do not answer cost their time once, all together, and after three mails none (A8)."""
    postern = world.serve(DEAD)
    for i in (1, 2, 3):
        postern.expect(f"DNSBL: dead{i} does not answer \\(timeout\\)")
    took = []
    for i in range(5):
        start = time.monotonic()
        ip = f"192.0.2.{100 + i}"  # the resolver forgets a failure after a second, and another client is another question
        assert world.send(ALICE, BOB, message(f"dead {i}"), ip).accepted
        took.append(time.monotonic() - start)
    assert all(0.6 < t < 1.9 for t in took[:3]), took  # one after the other they would have taken 2.1 s
    assert all(t < 0.6 for t in took[3:]), took
    assert postern.log().count("does not answer") == 3, postern.log()
