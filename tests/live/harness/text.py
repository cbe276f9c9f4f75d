"""Messages to send."""
from typing import Iterable


def message(subject: str = "test", body: str = "Hello.\r\n", sender: str = "alice@good.example",
            more: Iterable[tuple[str, str]] = ()) -> bytes:
    """Complete, so that no MTA sees a reason to add or change a field."""
    fields = [("From", f"<{sender}>"), ("To", "<bob@here.example>"), ("Subject", subject),
              ("Date", "Mon, 23 Nov 2026 12:00:00 +0000"), ("Message-ID", f"<{abs(hash(subject))}.1@good.example>"), *more]
    return ("".join(f"{name}: {value}\r\n" for name, value in fields) + "\r\n" + body).encode()


def odd_messages(domain: str) -> dict[str, bytes]:
    """What an MTA could touch on its way through, and what two programs could hash differently; by fred@`domain`."""
    head = (f"From: Fred <fred@{domain}>\r\nTo: <bob@here.example>\r\nSubject: test\r\nDate: Mon, 23 Nov 2026 12:00:00 +0000\r\n"
            f"Message-ID: <1@{domain}>\r\n").encode()
    mime = b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"

    def subject(field: bytes) -> bytes:
        return head.replace(b"Subject: test", field)

    return {
        "plain": head + b"\r\nHello.\r\n",
        "8 bit": head + mime + b"\r\n" + "Grüße, naïve façade\r\n".encode() * 3,
        "latin 1": head + mime.replace(b"utf-8", b"iso-8859-1") + b"\r\nGr\xfc\xdfe\r\n",
        "line of 900": head + b"\r\n" + b"x" * 900 + b"\r\n",
        "folded fields": subject(b"Subject: one\r\n two\r\n\tthree") + b"\r\nbody\r\n",
        "tabs and blanks": subject(b"Subject:   wide \t apart  ") + b"\r\na\tb  c \t \r\n \t\r\nd\r\n",
        "a tab after the colon": subject(b"Subject:\ttest") + b"\r\nbody\r\n",
        "a fold after the colon": subject(b"Subject:\r\n test") + b"\r\nbody\r\n",
        "a blank and a fold after the colon": subject(b"Subject: \r\n test") + b"\r\nbody\r\n",
        "empty fields": head + b"X-Empty:\r\nX-Blank: \r\n\r\nbody\r\n",
        "no blank after the colon": subject(b"Subject:tight") + b"\r\nbody\r\n",
        "empty body": head + b"\r\n",
        "trailing empty lines": head + b"\r\nbody\r\n\r\n\r\n\r\n",
        "only empty lines": head + b"\r\n\r\n\r\n",
        "dots": head + b"\r\n.\r\n..\r\n.x\r\n",
        "8-bit field": subject("Subject: Grüße".encode()) + b"\r\nbody\r\n",
        "many names": head + f"Reply-To: <x@{domain}>\r\nCc: <c@here.example>\r\nReferences: <a@b>\r\n\t<c@d>\r\n".encode() +
        b"\r\nbody\r\n",
        "a large body": head + b"\r\n" + b"0123456789 abcdef  \r\n" * 20000,
    }
