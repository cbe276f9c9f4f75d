"""The whole bench as one thing: names, sink, one MTA, and whatever filter is started at its milter socket."""
from pathlib import Path
from typing import Mapping, Sequence, Type

from .client import Client, Outcome
from .filter import NullMilter, Postern, Settings
from .mta import Mta
from .names import NameServer
from .postfix import Postfix
from .sendmail import Sendmail
from .sink import Sink

MTAS: dict[str, Type[Mta]] = {"postfix": Postfix, "sendmail": Sendmail}


class World:
    def __init__(self, folder: Path, mta: str, zones: list[Path], port: int = 0):
        self.folder = folder
        self.milter = folder / "milter.sock"
        self.filters: list[Postern | NullMilter] = []
        (folder / "names").mkdir(parents=True)
        self.names = NameServer(folder / "names", zones)
        options = {"dns_port": self.names.port, "non_smtpd": True} if mta == "postfix" else {}
        self.sink = Sink()
        try:
            self.sink.start()
            self.mta = MTAS[mta](folder / mta, self.milter, self.sink.port, port, **options).start()
        except Exception:
            self.sink.stop()
            self.names.stop()
            raise

    # The filter

    def serve(self, settings: Settings | None = None, files: Mapping[str, str] | None = None) -> Postern:
        folder = self.folder / f"postern-{len(list(self.folder.glob('postern-*')))}"
        postern = Postern(folder, self.milter, self.names.server, settings or {}, files)
        self.filters.append(postern)
        return postern

    def serve_null(self, *options: str) -> NullMilter:
        null = NullMilter(self.milter, self.folder, *options)
        self.filters.append(null)
        return null

    def stop_filters(self) -> None:
        """All are stopped; the first failure is raised then."""
        filters, self.filters = self.filters, []
        failures = []
        for f in filters:
            try:
                f.stop()
            except Exception as e:
                failures.append(e)
        if failures:
            raise failures[0]

    def logs(self) -> dict[str, str]:
        return {"mta": self.mta.log(), **{f"filter {i}": f.log() for i, f in enumerate(self.filters)}}

    # Mail

    def session(self, ip: str = "192.0.2.1", helo: str = "mail.good.example", login: str | None = None) -> Client:
        return self.mta.session(ip, helo, login)

    def send(self, sender: str, recipients: str | Sequence[str], content: bytes, ip: str = "192.0.2.1",
             helo: str = "mail.good.example", login: str | None = None) -> Outcome:
        """One message on a connection of its own."""
        with self.session(ip, helo, login) as client:
            outcome = client.message(sender, [recipients] if isinstance(recipients, str) else recipients, content)
            client.quit()
        return outcome

    def stop(self) -> None:
        try:
            self.stop_filters()
        finally:
            self.mta.stop()
            self.sink.stop()
            self.names.stop()
