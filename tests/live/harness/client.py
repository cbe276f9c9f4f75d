"""A small SMTP client that hides nothing: it sends the bytes it is given and shows each reply."""
import base64
import socket
import struct
from dataclasses import dataclass
from typing import Iterable


@dataclass(frozen=True)
class Reply:
    code: int
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    @property
    def kind(self) -> int:
        """2, 3, 4 or 5."""
        return self.code // 100

    def __str__(self) -> str:
        return "\n".join(f"{self.code} {line}" for line in self.lines)


class Gone(Exception):
    """The server closed the connection where a reply was due."""


def dot_stuff(message: bytes) -> bytes:
    """RFC 5321 §4.5.2, with the end of data. The message has CRLF line ends and is else sent as it is."""
    body = message.replace(b"\r\n.", b"\r\n..")
    if body.startswith(b"."):
        body = b"." + body
    if body and not body.endswith(b"\r\n"):
        body += b"\r\n"
    return body + b".\r\n"


def xtext(value: str) -> str:
    """RFC 3461 §4."""
    return "".join(c if "!" <= c <= "~" and c not in "+=" else "".join(f"+{b:02X}" for b in c.encode()) for c in value)


class Client:
    def __init__(self, sock: socket.socket):
        self.sock = sock
        self.file = sock.makefile("rb")
        self.banner = self.read_reply()
        self.extensions: dict[str, str] = {}

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *exc) -> None:
        self.close()

    # Bytes

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def read_reply(self) -> Reply:
        lines = []
        while True:
            try:
                line = self.file.readline(65536)
            except ConnectionError as e:
                raise Gone(str(e)) from None
            if not line.endswith(b"\n"):
                raise Gone(f"after {line!r}")
            text = line.rstrip(b"\r\n").decode("utf-8", "backslashreplace")
            lines.append(text[4:])
            if text[3:4] != "-":
                return Reply(int(text[:3]), tuple(lines))

    def cmd(self, line: str | bytes) -> Reply:
        self.send((line.encode() if isinstance(line, str) else line) + b"\r\n")
        return self.read_reply()

    def pipeline(self, lines: Iterable[str | bytes]) -> list[Reply]:
        """All at once, then the replies in order (RFC 2920)."""
        sent = [line.encode() if isinstance(line, str) else line for line in lines]
        self.send(b"".join(line + b"\r\n" for line in sent))
        return [self.read_reply() for _ in sent]

    # Commands

    def ehlo(self, name: str = "client.example") -> Reply:
        reply = self.cmd(f"EHLO {name}")
        self.extensions = {line.split(" ", 1)[0].upper(): line for line in reply.lines[1:]}
        return reply

    def helo(self, name: str = "client.example") -> Reply:
        return self.cmd(f"HELO {name}")

    def xclient(self, **attributes: str) -> Reply:
        """Postfix XCLIENT_README: addr, name, helo, login, port… A new banner answers, and EHLO comes again."""
        return self.cmd("XCLIENT " + " ".join(f"{k.upper()}={xtext(v)}" for k, v in attributes.items()))

    def auth_plain(self, login: str, password: str) -> Reply:
        token = base64.b64encode(f"\0{login}\0{password}".encode()).decode()
        return self.cmd(f"AUTH PLAIN {token}")

    def mail(self, sender: str, *arguments: str) -> Reply:
        return self.cmd(" ".join((f"MAIL FROM:<{sender}>", *arguments)))

    def rcpt(self, recipient: str, *arguments: str) -> Reply:
        return self.cmd(" ".join((f"RCPT TO:<{recipient}>", *arguments)))

    def data(self, message: bytes) -> Reply:
        reply = self.cmd("DATA")
        if reply.code != 354:
            return reply
        self.send(dot_stuff(message))
        return self.read_reply()

    def rset(self) -> Reply:
        return self.cmd("RSET")

    def message(self, sender: str, recipients: Iterable[str], content: bytes) -> "Outcome":
        """MAIL, each RCPT, and DATA when any recipient was taken; else RSET."""
        mail = self.mail(sender)
        rcpts = {r: self.rcpt(r) for r in recipients} if mail.kind == 2 else {}
        if any(r.kind == 2 for r in rcpts.values()):
            return Outcome(mail, rcpts, self.data(content))
        self.rset()
        return Outcome(mail, rcpts, None)

    # Ends

    def quit(self) -> Reply:
        reply = self.cmd("QUIT")
        self.close()
        return reply

    def close(self) -> None:
        self.file.close()
        self.sock.close()

    def abort(self) -> None:
        """Goes away without a word: RST instead of FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()


@dataclass(frozen=True)
class Outcome:
    mail: Reply
    rcpts: dict[str, Reply]
    data: Reply | None

    @property
    def last(self) -> Reply:
        """The reply that decided: of DATA, of the first refused recipient, or of MAIL."""
        if self.data is not None:
            return self.data
        return next(iter(self.rcpts.values()), self.mail)

    @property
    def accepted(self) -> bool:
        return self.data is not None and self.data.kind == 2
