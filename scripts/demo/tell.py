"""Tells the story: sends each letter, shows what became of it, and compares that with what must."""
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
import time
from collections import defaultdict
from dataclasses import dataclass, field
from email.utils import formatdate

from harness.client import Outcome, Reply
from harness.filter import POSTERN, Postern
from harness.process import wait_until
from harness.sink import Delivery
from harness.world import World
from story import SELECTOR, Change, Chapter, Command, Letter, Seal, Sign, Wait

# How a log line begins: 2026Nov23 05:39:40 [17 4XyZ] …
STAMP = re.compile(r"^\S+ \S+ \[[^]]*\] ")
# What is in the log of every session.
ROUTINE = re.compile(r"^(connect from|hello from|mail from|rcpt to|abort after|eom|notice:) ?")
CODES = re.compile(r"^\d{3} (\d\.\d+\.\d+ )?")
# Sendmail puts the recipient before our words.
RCPT = re.compile(r"<[^>]*>\.\.\. ")
COLUMNS_MIN, COLUMNS_MAX = 60, 110
LABEL = 9  # columns
BOLD, PLAIN = ("\033[1m", "\033[0m") if sys.stdout.isatty() else ("", "")


class Wrong(Exception):
    """A command of the story has failed."""


def key_file(domain: str) -> str:
    return domain.replace(".example", ".pem")


def signer(domain: str) -> list[str]:
    return ["-k", key_file(domain), "-d", domain, "-s", SELECTOR]


@dataclass
class Teller:
    world: World
    postern: Postern
    number: int = 0
    wrong: list[int] = field(default_factory=list)
    # Of what has arrived, by the name of the letter.
    senders: dict[str, str] = field(default_factory=lambda: defaultdict(lambda: "what-has-not-arrived@remote.example"))

    # What is printed

    def line(self, label: str, text: str) -> None:
        columns = min(max(shutil.get_terminal_size((100, 25)).columns, COLUMNS_MIN), COLUMNS_MAX)
        indent = "    " + " " * LABEL
        print(textwrap.fill(text, width=columns, initial_indent=f"    {label:{LABEL}}", subsequent_indent=indent + "  ",
                            break_long_words=False, break_on_hyphens=False))

    def must(self, holds: bool, what: str) -> None:
        if not holds:
            self.line("WRONG", f"this must be: {what}")
            self.wrong += [self.number] if self.number not in self.wrong else []

    # What is done

    def chapter(self, chapter: Chapter) -> None:
        print(f"{BOLD}── {chapter.title} ──{PLAIN}\n")
        for step in chapter.steps:
            if isinstance(step, Wait):
                time.sleep(step.seconds)
            elif isinstance(step, Command):
                self.command(step)
            else:
                self.letter(step)

    def command(self, command: Command) -> None:
        words = command.words.format_map(self.senders)
        done = run(self.postern, shlex.split(words))
        print(f"    $ postern {words}")
        printed = (done.stdout + done.stderr).decode(errors="replace").rstrip()
        lines = printed.splitlines() or ["(done)"]
        for line in lines[:command.lines] + ["…"] * (len(lines) > command.lines):
            print("      " + line)
        self.must(done.returncode == 0, f"status 0, not {done.returncode}")
        self.must(bool(re.search(command.says, printed)), command.says)
        print()

    def letter(self, letter: Letter) -> None:
        self.number += 1
        rcpts = [r.format_map(self.senders) for r in letter.rcpts]
        print(f"{BOLD}{self.number:2}  {letter.what}{PLAIN}")
        message_id, content = self.compose(letter)
        login = f", login {letter.login}" if letter.login else ""
        to = ", ".join(f"<{r}>" for r in rcpts)
        self.line("sent", f"by {letter.ip} ({letter.helo}{login}): <{letter.sender}> to {to}")
        if letter.author:
            self.line("author", f"<{letter.author}>, it says in From:")
        before = len(self.postern.lines())
        outcome = self.world.send(letter.sender, rcpts, content, letter.ip, letter.helo, letter.login)
        self.show_answers(letter, outcome)
        time.sleep(0.05)  # the end of the session is logged after the MTA has answered
        self.show_log(letter, outcome, self.postern.lines()[before:])
        if outcome.accepted:
            self.show_arrived(letter, rcpts, self.arrived(message_id))
        print()

    def compose(self, letter: Letter) -> tuple[str, bytes]:
        author = letter.author or letter.sender or "postmaster@remote.example"
        message_id = f"<{self.number}.{time.time_ns()}@{author.partition('@')[2]}>"
        fields = [*letter.headers, ("From", f"<{author}>"), ("To", "<bob@here.example>"), ("Subject", letter.what),
                  ("Date", formatdate()), ("Message-ID", message_id)]
        content = ("".join(f"{name}: {value}\r\n" for name, value in fields) + f"\r\n{letter.what}.\r\n").encode()
        for step in letter.way:
            content = self.pass_on(step, content)
        return message_id, content

    def pass_on(self, step: Sign | Change | Seal, content: bytes) -> bytes:
        """What somebody else does to a message on its way to us."""
        if isinstance(step, Change):
            self.line("changed", f"“{step.tag.strip()}” is put into the Subject, a footer below the text")
            return content.replace(b"Subject: ", b"Subject: " + step.tag.encode()) + step.footer.encode()
        if isinstance(step, Sign):
            label, words = "signed", ["dkim", "sign"]
        else:
            label, words = "sealed", ["arc", "seal", "--zone", "demo.zone", "--authres", step.results]
        words += [*signer(step.domain), "--message"]
        self.line(label, f"$ postern {shlex.join(words)}")
        done = run(self.postern, words, content)
        if done.returncode != 0:
            raise Wrong(f"postern {shlex.join(words)}: {done.stderr.decode(errors='replace')}")
        return done.stdout

    def arrived(self, message_id: str) -> Delivery:
        def found() -> list[Delivery]:
            return [d for d in self.world.sink.deliveries if message_id in d.header("Message-ID")]
        wait_until(lambda: bool(found()), 15, f"{message_id} has arrived")
        return found()[0]

    # What became of it

    def show_answers(self, letter: Letter, outcome: Outcome) -> None:
        """The replies that decided."""
        replies = [(f"RCPT <{rcpt}> " if len(outcome.rcpts) > 1 else "RCPT ", reply)
                   for rcpt, reply in outcome.rcpts.items() if reply.kind != 2]
        if outcome.mail.kind != 2:
            replies = [("MAIL ", outcome.mail)]
        if outcome.data is not None:
            replies.append(("DATA ", outcome.data))
        for step, reply in replies:
            self.line("answer", step + flat(reply))
        said = [f"{step.split()[0]} {RCPT.sub('', flat(reply))}" for step, reply in replies]
        self.must(len(said) == len(letter.answers) and all(map(re.match, letter.answers, said)), ", ".join(letter.answers))

    def show_log(self, letter: Letter, outcome: Outcome, lines: list[str]) -> None:
        """What the reply has said already is not said again."""
        replies = [*outcome.rcpts.values(), *([outcome.data] if outcome.data else [])]
        sentences = [s for s in (RCPT.sub("", CODES.sub("", flat(reply))) for reply in replies if reply.kind != 2) if s]
        texts = [STAMP.sub("", line).replace(f"{self.postern.folder}/", "") for line in lines]
        telling = [t for t in texts if not ROUTINE.match(t)]
        for text in telling or [t for t in texts if t.startswith("eom")]:
            for sentence in sentences:
                text = text.replace(sentence, "…")
            self.line("log", text)
        self.must(any(re.search(letter.log, text) for text in texts), f"log: {letter.log}")

    def show_arrived(self, letter: Letter, rcpts: list[str], delivery: Delivery) -> None:
        envelope = f"MAIL <{delivery.sender}> RCPT " + ", ".join(f"<{r}>" for r in delivery.recipients)
        if delivery.sender != letter.sender or not set(delivery.recipients) <= set(rcpts):
            self.line("arrived", envelope)
        patterns = {re.split(r"[: ]", pattern, maxsplit=1)[0]: pattern for pattern in letter.arrives}
        for name, pattern in patterns.items():
            shown = [envelope] if name == "MAIL" else [f"{name}: {value}" for value in delivery.header(name)]
            for text in shown if name != "MAIL" else ():
                self.field(text)
            self.must(bool(shown) and all(re.match(pattern, text) for text in shown), f"arrived: {pattern}")
        if letter.name:
            self.senders[letter.name] = delivery.sender
            (self.postern.folder / f"{letter.name}.eml").write_bytes(delivery.content)

    def field(self, text: str) -> None:
        """Results stand on lines of their own."""
        first, *others = text.split("; ") if text.startswith("Authentication-Results:") else [text]
        self.line("arrived", first)
        for part in others:
            self.line("", "  " + part)


def flat(reply: Reply) -> str:
    return str(reply).replace("\n", " / ")


def run(postern: Postern, words: list[str], content: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run([POSTERN, *words], cwd=postern.folder, input=content, capture_output=True, timeout=60, check=False)
