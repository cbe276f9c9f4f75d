"""The MTA's side of the milter protocol, for peers that are milters: one connection, message after message, every step answered.

Headers travel as they stand, with the blank after the colon (protocol 6 and SMFIP_HDR_LEADSPC): signatures with simple
canonicalization depend on it.
"""
import socket
import struct
from dataclasses import dataclass, field

from .common import CLIENT, CLIENT_NAME

VERSION = 6
ACTIONS = 0x1FF
LEADING_SPACE = 0x100000
CHUNK = 65535
FINAL = b"acdrty"  # accept, continue, discard, reject, tempfail, a reply of its own


@dataclass
class Answer:
    action: str = ""
    inserted: list[bytes] = field(default_factory=list)  # whole fields with CRLF, the topmost first

    def values(self, name: str) -> list[bytes]:
        start = name.lower().encode() + b":"
        return [f.partition(b":")[2].strip() for f in self.inserted if f.lower().startswith(start)]


def split(message: bytes) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """Fields with LF between their lines, as MTAs send them, and the body."""
    header, _, body = message.partition(b"\r\n\r\n")
    fields = []
    for line in header.split(b"\r\n"):
        if line[:1] in (b" ", b"\t"):
            fields[-1] = (fields[-1][0], fields[-1][1] + b"\n" + line)
        else:
            name, _, value = line.partition(b":")
            fields.append((name, value))
    return fields, body


class Connection:
    def __init__(self, path: str, client: str = CLIENT, name: str = CLIENT_NAME):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(20)
        self.socket.connect(path)
        self.stream = self.socket.makefile("rb")
        self.put(b"O", struct.pack(">III", VERSION, ACTIONS, LEADING_SPACE))
        letter, body = self.get()
        assert letter == b"O", letter
        self.leading_space = bool(struct.unpack(">III", body[:12])[2] & LEADING_SPACE)
        self.ask(b"C", name.encode() + b"\0" + b"4" + struct.pack(">H", 25) + client.encode() + b"\0")
        self.ask(b"H", name.encode() + b"\0")

    def put(self, letter: bytes, body: bytes = b"") -> None:
        self.socket.sendall(struct.pack(">I", len(body) + 1) + letter + body)

    def get(self) -> tuple[bytes, bytes]:
        head = self.stream.read(5)
        if len(head) < 5:
            raise EOFError("the milter has hung up")
        return head[4:], self.stream.read(struct.unpack(">I", head[:4])[0] - 1)

    def ask(self, letter: bytes, body: bytes = b"") -> str:
        self.put(letter, body)
        return self.get()[0].decode()

    def message(self, message: bytes, sender: str, recipient: str, **macros: str) -> Answer:
        fields, body = split(message)
        pairs = b"".join(f"{{{k}}}\0{v}\0".encode() for k, v in macros.items())
        self.put(b"D", b"M" + pairs)
        steps = [(b"M", f"<{sender}>".encode() + b"\0"), (b"R", f"<{recipient}>".encode() + b"\0")]
        steps += [(b"L", name + b"\0" + (value if self.leading_space else value.removeprefix(b" ")) + b"\0") for name, value in fields]
        steps += [(b"N", b"")] + [(b"B", body[i : i + CHUNK]) for i in range(0, len(body), CHUNK)]
        for letter, data in steps:
            answer = self.ask(letter, data)
            if answer != "c":
                self.put(b"A")
                return Answer(answer)
        self.put(b"E")
        return self.end()

    def end(self) -> Answer:
        answer = Answer()
        while True:
            letter, data = self.get()
            if letter == b"i":
                name, value = data[4:].split(b"\0")[:2]
                blank = b"" if self.leading_space else b" "
                answer.inserted.insert(struct.unpack(">I", data[:4])[0],
                                       name + b":" + blank + value.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") + b"\r\n")
            elif letter in (bytes([c]) for c in FINAL):
                answer.action = letter.decode()
                return answer

    def close(self) -> None:
        self.put(b"Q")
        self.socket.close()
