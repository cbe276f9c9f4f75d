"""What ./run shows: sample mail through a throw-away MTA with Postern in front, and what became of each letter and why."""
import argparse
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "tests" / "live"))

from harness import net  # noqa: E402
from harness.client import Gone  # noqa: E402
from harness.filter import POSTERN, Postern, Settings  # noqa: E402
from harness.process import Failed  # noqa: E402
from harness.world import MTAS, World  # noqa: E402
from story import KEYS, SELECTOR, STORY  # noqa: E402
from tell import Teller, Wrong, key_file  # noqa: E402

PORT = 2525


class Filter(Postern):
    """Its configuration is the demonstration's own file as it is, so that the log names the lines of that."""

    def write(self, settings: Settings, files: object = None) -> None:
        super().write(settings)
        self.config.write_text((HERE / "postern.conf").read_text() + "\n" + self.config.read_text())


def make_keys(folder: Path) -> Path:
    """Ours and those of the senders; the zone with their records is returned."""
    zone = folder / "demo.zone"
    shutil.copy(HERE / "demo.zone", zone)
    print("Keys of ours, of a bank and of a mailing list. What is printed belongs in the DNS (here: demo.zone).\n")
    with zone.open("a") as lines:
        for domain in KEYS:
            words = ["dkim", "keygen", "--type", "ed25519", "-d", domain, "-s", SELECTOR, "-o", key_file(domain)]
            print(f"    $ postern {' '.join(words)}")
            record = subprocess.run([POSTERN, *words], cwd=folder, stdout=subprocess.PIPE, text=True, check=True).stdout
            print(f"      {record}", end="", flush=True)
            lines.write(record)
    return zone


def fill(folder: Path) -> None:
    folder.mkdir()
    shutil.copy(HERE / "access", folder)
    secret = folder / "srs.secret"
    secret.touch(mode=0o600)
    secret.write_text(secrets.token_hex(16) + "\n")


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


def enter(mta: str) -> socket.socket | None:
    """What takes connections from outside when the MTA is in a network of its own."""
    listener = open_port()
    if mta == "sendmail":
        why_not = net.enter()
        if why_not:
            sys.exit(f"run: no private network for Sendmail: {why_not}")
        return listener
    listener.close()
    return None


def make_world(folder: Path, mta: str, listener: socket.socket | None) -> World:
    fill(folder / "demo")
    world = World(folder, mta, [make_keys(folder / "demo")], port=0 if listener else PORT)
    if listener:
        forward(listener, world.mta.port)
    return world


def tell(teller: Teller) -> bool:
    """TRUE: all went as it must."""
    for chapter in STORY:
        teller.chapter(chapter)
    if teller.wrong:
        print(f"{len(teller.wrong)} of {teller.number} letters did NOT end as they must; see WRONG at: "
              + ", ".join(map(str, teller.wrong)))
    else:
        print(f"{teller.number} letters, and all ended as they must.")
    return not teller.wrong


def play(world: World, once: bool) -> int:
    """The exit status."""
    postern = Filter(world.folder / "demo", world.milter, world.names.server, {})
    world.filters.append(postern)
    print(f"\n{world.mta.name} listens on 127.0.0.1:{PORT}, with Postern in front: its configuration is\n"
          "scripts/demo/postern.conf, and its rules are scripts/demo/access. Letters are sent; you see\n"
          "what the MTA answers, what Postern logs, and what arrives at the next hop.\n")
    try:
        as_told = tell(Teller(world, postern))
    except Gone as e:
        raise Failed(f"the MTA closed the connection: {e}\n{world.mta.log()}") from None
    if not once:
        print(f"\nSend more; the files are in {postern.folder}. The log, until Ctrl-C:\n", flush=True)
        postern.expect(".*")
        try:
            follow(postern)
        except KeyboardInterrupt:
            print()
    return 0 if as_told else 1


def main() -> int:
    parser = argparse.ArgumentParser(prog="./run", description=__doc__)
    parser.add_argument("--mta", choices=list(MTAS), default="postfix")
    parser.add_argument("--once", action="store_true", help="end after the sample mail")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))

    listener = enter(args.mta)
    folder = net.folder()
    try:
        world = make_world(folder, args.mta, listener)
        try:
            return play(world, args.once)
        finally:
            world.stop()
    except (Failed, Wrong) as e:
        print(f"run: {e}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
