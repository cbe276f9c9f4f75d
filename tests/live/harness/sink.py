"""The next hop: an SMTP server that keeps every envelope and every byte, and refuses the recipients that it is told to."""
import threading
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import compat32

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP

from . import net
from .process import wait_until

MESSAGE_MAX = 256 << 20
LINE_MAX = 1 << 21


@dataclass(frozen=True)
class Delivery:
    sender: str
    recipients: tuple[str, ...]
    content: bytes
    mail_options: tuple[str, ...] = ()

    @property
    def head(self) -> bytes:
        return self.content.partition(b"\r\n\r\n")[0] + b"\r\n"

    @property
    def body(self) -> bytes:
        return self.content.partition(b"\r\n\r\n")[2]

    def header(self, name: str) -> list[str]:
        """All values of that name, top to bottom, unfolded."""
        fields = BytesParser(policy=compat32).parsebytes(self.head, headersonly=True)
        return [" ".join(str(v).split()) for v in fields.get_all(name, [])]


@dataclass
class Sink:
    """`refuse` maps a recipient to the reply that it gets, e.g. "550 5.1.1 who?"."""
    refuse: dict[str, str] = field(default_factory=dict)
    address: str = "127.0.0.1"

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._deliveries: list[Delivery] = []
        self.port = net.free_port(self.address)
        self._controller = _Controller(self, hostname=self.address, port=self.port, server_hostname="sink.example",
                                       data_size_limit=MESSAGE_MAX, enable_SMTPUTF8=True)

    def start(self) -> "Sink":
        self._controller.start()
        return self

    def stop(self) -> None:
        self._controller.stop(no_assert=True)  # it may not have come up

    def clear(self) -> None:
        with self._lock:
            self._deliveries.clear()
        self.refuse.clear()

    @property
    def deliveries(self) -> list[Delivery]:
        with self._lock:
            return list(self._deliveries)

    def wait(self, count: int, timeout: float = 15) -> list[Delivery]:
        """At least so many deliveries; whoever wants to know that there are no more empties the MTA's queue first."""
        wait_until(lambda: len(self.deliveries) >= count, timeout, f"{count} deliveries (have {len(self.deliveries)})")
        return self.deliveries

    # What aiosmtpd calls

    async def handle_RCPT(self, server, session, envelope, address, options) -> str:
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, server, session, envelope) -> str:
        sender = envelope.mail_from.replace("<>", "")
        delivery = Delivery(sender, tuple(envelope.rcpt_tos), envelope.content, tuple(envelope.mail_options))
        with self._lock:
            self._deliveries.append(delivery)
        return "250 2.0.0 Ok"


class _Server(SMTP):
    line_length_limit = LINE_MAX


class _Controller(Controller):
    def factory(self) -> SMTP:
        return _Server(self.handler, **self.SMTP_kwargs)
