"""What ./run shows: sample mail through a throw-away MTA with Postern in front, and what became of each letter and why."""
import argparse
import configparser
import re
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "tests" / "live"))

from harness import net  # noqa: E402
from harness.client import Gone, Outcome, Reply  # noqa: E402
from harness.filter import POSTERN, Postern  # noqa: E402
from harness.text import message  # noqa: E402
from harness.world import MTAS, World  # noqa: E402
from letters import LETTERS, STORY, Command, Letter, Wait  # noqa: E402

PORT = 2525
# How a log line begins: 2026Nov23 05:39:40 [17 4XyZ] …
STAMP = re.compile(r"^\S+ \S+ \[[^]]*\] ")
DECIDES = re.compile(r"^(?:[A-Z]+:|eom )")


def settings() -> dict[str, dict[str, str]]:
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str
    parser.read(HERE / "postern.conf")
    return {section: dict(parser[section]) for section in parser.sections()}


def send(world: World, letter: Letter) -> tuple[Outcome, list[str]]:
    """The replies, and the log lines that came meanwhile."""
    postern = world.filters[0]
    before = len(postern.lines())
    content = message(letter.what, body=f"{letter.what}.\r\n", sender=letter.sender, more=letter.headers)
    outcome = world.send(letter.sender, letter.rcpts, content, letter.ip, letter.helo, letter.login)
    time.sleep(0.05)  # the end of the session is logged after the MTA has answered
    return outcome, postern.lines()[before:]


def show(number: int, letter: Letter, outcome: Outcome, lines: list[str]) -> None:
    print(f"{number:2}  {letter.what}")
    print(f"      {letter.ip} HELO {letter.helo}" + (f" AUTH {letter.login}" if letter.login else "")
          + f" MAIL <{letter.sender}>")
    replies: list[tuple[str, Reply]] = [(f"RCPT <{r}>", reply) for r, reply in outcome.rcpts.items()]
    if outcome.mail.kind != 2:
        replies = [("MAIL", outcome.mail)]
    if outcome.data is not None:
        replies.append(("DATA", outcome.data))
    for step, reply in replies:
        print(wrapped(f"{step}: ", str(reply).replace("\n", " / ")))
    for line in (STAMP.sub("", line) for line in lines):
        if DECIDES.match(line):
            print(wrapped("log: ", line))


def wrapped(label: str, text: str) -> str:
    width = shutil.get_terminal_size((120, 25)).columns
    return textwrap.fill(label + text, width=max(60, width), initial_indent="      ", subsequent_indent=" " * 10,
                         break_long_words=False, break_on_hyphens=False)


def show_command(command: Command, postern: Postern) -> None:
    done = subprocess.run([POSTERN, *command.words, "-c", postern.config], capture_output=True, text=True, check=False)
    print(f"    $ postern {' '.join(command.words)} -c postern.conf")
    print(textwrap.indent((done.stdout + done.stderr).rstrip() or "(done)", "      "))


def tell_story(world: World, postern: Postern, number: int) -> None:
    for step in STORY:
        if isinstance(step, Wait):
            time.sleep(step.seconds)
        elif isinstance(step, Command):
            show_command(step, postern)
        else:
            show(number, step, *send(world, step))
            number += 1


def show_delivered(world: World) -> None:
    world.mta.drain()
    print(f"\n{len(world.sink.deliveries)} messages were delivered. The header of the one with the forged field:\n")
    for delivery in world.sink.deliveries:
        if "forged" in delivery.header("Subject")[0]:
            print(textwrap.indent(delivery.head.decode(errors="replace").replace("\r", ""), "      "))


def follow(postern: Postern) -> None:
    """The log, until somebody ends us or the daemon ends."""
    with open(postern.process.log_path, errors="backslashreplace") as log:
        log.seek(0, 2)
        while postern.process.running():
            line = log.readline()
            if line:
                print(line, end="", flush=True)
            else:
                time.sleep(0.2)


def forward(listener: socket.socket, port: int) -> None:
    """The private Internet has no way in but this: connections from outside are handed on."""
    def pump(source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            target.close()

    def accept() -> None:
        while True:
            outer, _ = listener.accept()
            inner = net.connect("127.0.0.1", port, timeout=3600)
            for ends in ((outer, inner), (inner, outer)):
                threading.Thread(target=pump, args=ends, daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()


def open_port() -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", PORT))
    except OSError as e:
        sys.exit(f"run: 127.0.0.1:{PORT}: {e.strerror}")
    listener.listen()
    return listener


def make_world(mta: str) -> World:
    listener = open_port()
    if mta == "sendmail":
        why_not = net.enter()
        if why_not:
            sys.exit(f"run: no private network for Sendmail: {why_not}")
        world = World(net.folder(), mta, [HERE / "demo.zone"])
        forward(listener, world.mta.port)
        return world
    listener.close()
    return World(net.folder(), mta, [HERE / "demo.zone"], port=PORT)


def main() -> int:
    parser = argparse.ArgumentParser(prog="./run", description=__doc__)
    parser.add_argument("--mta", choices=list(MTAS), default="postfix")
    parser.add_argument("--once", action="store_true", help="end after the sample mail")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))

    world = make_world(args.mta)
    try:
        postern = world.serve(settings(), {"access": (HERE / "access").read_text()})
        print(f"{args.mta} on 127.0.0.1:{PORT}, Postern at {world.milter}, its files in {postern.folder}\n")
        for number, letter in enumerate(LETTERS, 1):
            show(number, letter, *send(world, letter))
        print("\nWhat is remembered:\n")
        tell_story(world, postern, len(LETTERS) + 1)
        show_delivered(world)
        if not args.once:
            print("The log, until Ctrl-C:\n", flush=True)
            follow(postern)
        postern.expect(".*")
    except (KeyboardInterrupt, SystemExit):
        print()
    except Gone as e:
        sys.exit(f"run: the MTA closed the connection: {e}\n{world.mta.log()}")
    finally:
        try:
            world.stop()
        finally:
            shutil.rmtree(world.folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
