"""The letters that the load is made of: made here, the same on every machine. Most are short text, a third is HTML with its
text beside it, one in twenty has an attachment that makes a megabyte; the mean is what a mixed server sees, about 71 KB."""
import base64
import random
from pathlib import Path

WORDS = """the of and to in for that with on as by this are from be or have an not which one you were all her she there would
their we him been has when who will no more if out so up said what its about than into them can only other time new some could
these two may first then do any like my now over such our man me even most made after also did many off before must well back
through years where much your way down should because long each just state people those too mr how little good world""".split()
KINDS = (("text", 60), ("html", 35), ("attachment", 5))


def prose(rng: random.Random, size: int) -> str:
    lines, line, total = [], "", 0
    while total < size:
        line += rng.choice(WORDS) + " "
        if len(line) > 68:
            lines.append(line.rstrip())
            total += len(line) + 1
            line = ""
    return "\r\n".join(lines) + "\r\n"


def html(rng: random.Random, size: int) -> str:
    parts = ["<html><head><title>News</title></head><body>\r\n"]
    while sum(map(len, parts)) < size:
        parts.append(f'<p style="margin:0"><a href="http://www.example.com/{rng.randrange(10**6)}">'
                     f'{rng.choice(WORDS)}</a> {prose(rng, 600)}</p>\r\n')
    return "".join(parts) + "</body></html>\r\n"


def header(rng: random.Random, number: int, content: str) -> str:
    received = "".join(f"Received: from host{i}.example.com (host{i}.example.com [198.51.100.{i + 1}])\r\n"
                       f"\tby relay{i}.example.com (Postfix) with ESMTPS id 4X{rng.randrange(10**9)}\r\n"
                       f"\tfor <b@example.net>; Mon, 05 Jan 2026 1{i}:00:00 +0000 (UTC)\r\n" for i in range(3))
    return (received + f"From: A Sender <a@example.com>\r\nTo: B <b@example.net>\r\n"
            f"Subject: {rng.choice(WORDS)} {rng.choice(WORDS)} {number}\r\nDate: Mon, 05 Jan 2026 12:00:00 +0000\r\n"
            f"Message-ID: <{rng.randrange(10**12)}.{number}@mail.example.com>\r\nMIME-Version: 1.0\r\n"
            f"X-Mailer: corpus\r\nContent-Type: {content}\r\n\r\n")


def part(kind: str, text: str, more: str = "") -> str:
    return f"--=_part\r\nContent-Type: {kind}\r\n{more}\r\n{text}\r\n"


def letter(rng: random.Random, number: int, kind: str) -> bytes:
    if kind == "text":
        return (header(rng, number, "text/plain; charset=utf-8") + prose(rng, rng.randrange(500, 9000))).encode()
    parts = part("text/plain; charset=utf-8", prose(rng, rng.randrange(1000, 8000)))
    if kind == "html":
        parts += part("text/html; charset=utf-8", html(rng, rng.randrange(10000, 75000)))
    else:
        attached = base64.encodebytes(rng.randbytes(1 << 19) * 2)[:1 << 20].replace(b"\n", b"\r\n").decode()
        parts += part("application/octet-stream", attached, "Content-Transfer-Encoding: base64\r\n")
    return (header(rng, number, 'multipart/mixed; boundary="=_part"') + parts + "--=_part--\r\n").encode()


def write(folder: Path, seed: int = 1) -> float:
    """100 files, in an order that mixes the kinds. Returns their mean size."""
    rng = random.Random(seed)
    kinds = [kind for kind, n in KINDS for _ in range(n)]
    rng.shuffle(kinds)
    folder.mkdir(parents=True, exist_ok=True)
    total = 0
    for number, kind in enumerate(kinds):
        text = letter(rng, number, kind)
        (folder / f"{number:03}.eml").write_bytes(text)
        total += len(text)
    return total / len(kinds)
