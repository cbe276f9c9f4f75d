"""Start, reload, stop, and what happens to mail meanwhile (D7)."""
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from cases import ALICE, BOB
from harness.client import Gone, Outcome
from harness.filter import POSTERN, answers
from harness.process import Process, wait_until
from harness.text import message
from harness.world import World

ON = {"spf": {"mode": "on"}}
REJECT = {"spf": {"mode": "on"}, "verbs": {"SPF-Pass": "REJECT"}}


def test_reload_in_the_middle_of_a_connection(world: World) -> None:
    """A connection keeps the configuration that it began with; the next one has the new."""
    postern = world.serve(ON)
    with world.session() as old:
        assert old.mail(ALICE).code == 250
        postern.reload(REJECT)
        assert old.rcpt(BOB).code == 250
        assert old.data(message("in the middle")).code == 250
        assert old.message(ALICE, [BOB], message("and the next")).accepted
        with world.session() as new:
            new.mail(ALICE)
            assert new.rcpt(BOB).code == 550
        assert old.message(ALICE, [BOB], message("after the new")).accepted
    assert len(world.sink.wait(3)) == 3


def test_a_faulty_file_changes_nothing(world: World) -> None:
    postern = world.serve(REJECT)
    postern.expect("postern.conf:\\d+", "stays in force")
    postern.reload({"spf": {"mode": "perhaps"}})
    assert any("postern.conf:" in line and "perhaps" in line for line in postern.lines())
    assert world.send(ALICE, BOB, message("still")).last.code == 550
    postern.reload(ON)
    assert world.send(ALICE, BOB, message("mended")).accepted


def test_map_file_changes(world: World) -> None:
    """Without a signal: the files are watched."""
    postern = world.serve({**ON, "policy": {"access": "@access"}}, {"access": "SPF-Pass:good.example REJECT\n"})
    assert world.send(ALICE, BOB, message("before")).last.code == 550
    (postern.folder / "access").write_text("SPF-Pass:good.example OK\n")
    wait_until(lambda: world.send(ALICE, BOB, message("after")).accepted, 10, "the new map is in force", step=0.5)


def load(world: World, threads: int, messages: int, stop: threading.Event | None = None) -> list[Outcome | Gone]:
    """So many clients at once; what each message was told."""
    def client(number: int) -> list[Outcome | Gone]:
        told: list[Outcome | Gone] = []
        for i in range(messages):
            if stop and stop.is_set():
                break
            try:
                with world.session() as session:
                    for j in range(2):
                        name = f"load {number}.{i}.{j}"
                        told.append(session.message(ALICE, [f"u{number}-{i}-{j}@here.example"], message(name)))
            except (Gone, OSError) as e:
                told.append(e if isinstance(e, Gone) else Gone(str(e)))
        return told

    with ThreadPoolExecutor(threads) as pool:
        return [t for told in pool.map(client, range(threads)) for t in told]


def accepted_recipients(told: list[Outcome | Gone]) -> list[str]:
    return sorted(r for t in told if isinstance(t, Outcome) and t.accepted for r in t.rcpts)


@pytest.mark.load
def test_load(world: World) -> None:
    """Many sessions at once: each message is delivered once, to whom it was for."""
    world.serve({**ON, "authres": {"add": "yes"}})
    told = load(world, threads=16, messages=10)
    assert all(isinstance(t, Outcome) and t.accepted for t in told), [t for t in told if not isinstance(t, Outcome)]
    world.mta.drain()
    delivered = world.sink.wait(320)
    assert sorted(r for d in delivered for r in d.recipients) == accepted_recipients(told)
    assert all(d.header("Authentication-Results") and d.header("Received-SPF") for d in delivered)


@pytest.mark.load
def test_load_with_reloads(world: World) -> None:
    postern = world.serve(ON)
    stop = threading.Event()

    def reloads() -> None:
        while not stop.wait(0.1):
            postern.process.tell(signal.SIGHUP)

    reloader = threading.Thread(target=reloads)
    reloader.start()
    try:
        told = load(world, threads=8, messages=10)
    finally:
        stop.set()
        reloader.join()
    assert all(isinstance(t, Outcome) and t.accepted for t in told), told
    world.mta.drain()
    assert len(world.sink.deliveries) == 160


@pytest.mark.load
def test_load_with_stop(world: World) -> None:
    """SIGTERM under load: messages in flight finish, the rest are told to come again; nothing is lost, nothing refused."""
    postern = world.serve(ON)
    postern.expect("cut off at stop")
    stopper = threading.Timer(0.7, lambda: postern.process.tell(signal.SIGTERM))
    stopper.start()
    told = load(world, threads=8, messages=60)
    stopper.join()
    postern.process.stop()
    replies = [reply for t in told if isinstance(t, Outcome) for reply in (t.mail, *t.rcpts.values(), t.data) if reply]
    assert {r.kind for r in replies} <= {2, 4}, {str(r) for r in replies}
    assert any(isinstance(t, Outcome) and t.accepted for t in told), "the stop came before the load"
    assert any(r.kind == 4 for r in replies), "the stop came after the load"
    world.mta.drain()
    assert sorted(r for d in world.sink.deliveries for r in d.recipients) == accepted_recipients(told)


def test_stop_waits_for_a_message(world: World) -> None:
    postern = world.serve(ON)
    with world.session() as client:
        client.mail(ALICE)
        client.rcpt(BOB)
        client.cmd("DATA")
        client.send(b"Subject: slow\r\n\r\n")
        postern.process.tell(signal.SIGTERM)
        time.sleep(0.3)
        client.send(b"The end.\r\n.\r\n")
        assert client.read_reply().code in (250, 451)
    postern.process.stop()
    postern.expect("cut off at stop")


def test_stale_socket_file(world: World) -> None:
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(str(world.milter))
    assert not answers(world.milter)
    world.serve(ON)
    assert world.send(ALICE, BOB, message("stale")).accepted


def test_second_daemon_on_the_same_socket(world: World) -> None:
    """It must say so and go, and the first must not notice."""
    first = world.serve(ON)
    second = Process([POSTERN, "serve", "-c", first.config], first.folder / "second.log")
    wait_until(lambda: not second.running(), 10, "the second daemon ends")
    assert second.popen.returncode not in (0, None)
    assert str(world.milter) in second.log()
    assert world.send(ALICE, BOB, message("the first")).accepted


def test_killed_daemon_is_followed_by_another(world: World) -> None:
    first = world.serve(ON)
    first.process.popen.kill()
    first.process.popen.wait()
    world.filters.remove(first)
    assert world.send(ALICE, BOB, message("nobody")).last.kind == 4
    world.serve(ON)
    assert world.send(ALICE, BOB, message("another")).accepted


@pytest.mark.parametrize("word", ["TIMEOUT", "SERVFAIL", "GARBAGE"])
def test_names_are_away(world: World, word: str) -> None:
    """Mail is deferred while nothing can be asked, and no longer."""
    world.serve({**ON, "dns": {"timeout_ms": "500"}})
    domain = f"{word.lower()}-{world.mta.name}.example"
    world.names.add(f'{domain} TXT "v=spf1 ip4:192.0.2.1 -all"')
    with world.session() as client:
        world.names.misbehave(word)
        client.mail(f"x@{domain}")
        assert client.rcpt(BOB).code == 451
        world.names.misbehave("")
        client.rset()

        def taken() -> bool:
            client.rset()
            client.mail(f"x@{domain}")
            return client.rcpt(BOB).code == 250
        wait_until(taken, 60, "the same sender is taken again", step=1)
