"""Messages to send."""
from typing import Iterable


def message(subject: str = "test", body: str = "Hello.\r\n", sender: str = "alice@good.example",
            more: Iterable[tuple[str, str]] = ()) -> bytes:
    """Complete, so that no MTA sees a reason to add or change a field."""
    fields = [("From", f"<{sender}>"), ("To", "<bob@here.example>"), ("Subject", subject),
              ("Date", "Mon, 23 Nov 2026 12:00:00 +0000"), ("Message-ID", f"<{abs(hash(subject))}.1@good.example>"), *more]
    return ("".join(f"{name}: {value}\r\n" for name, value in fields) + "\r\n" + body).encode()
