"""A throw-away Postfix: Debian's programs, nothing of the system's configuration or queue."""
import grp
import os
import pwd
from contextlib import contextmanager
from pathlib import Path

import dns.exception
import dns.resolver
import dns.reversename

from . import net
from .client import Client
from .mta import HEADERS_MAX, MESSAGE_MAX, NEW_HOME, OLD_HOME, Mta, count_files
from .process import Failed, run

DAEMONS = Path("/usr/lib/postfix/sbin")
QUEUES = ("incoming", "active", "deferred", "maildrop")

MAIN_CF = """\
compatibility_level = 3.6
command_directory = /usr/sbin
daemon_directory = {daemons}
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/log/maillog
maillog_file_prefixes = {folder}
mail_owner = postfix
setgid_group = postdrop
myhostname = {host_name}
mydomain = here.example
mynetworks = 0.0.0.0/0 [::]/0
inet_interfaces = all
inet_protocols = {protocols}

# All mail goes to the sink, as it came.
mydestination =
alias_maps =
local_recipient_maps =
default_transport = smtp
relay_transport = smtp
relayhost = [127.0.0.1]:{sink_port}
disable_dns_lookups = yes
smtp_host_lookup = native
smtp_tls_security_level = none
smtpd_tls_security_level = none
smtp_line_length_limit = 0
local_header_rewrite_clients =
append_dot_mydomain = no
append_at_myorigin = yes
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_recipient_restrictions = check_recipient_access inline:{{ {{ {unknown} = 550 5.1.1 no such user }} }}
smtpd_authorized_xclient_hosts = 0.0.0.0/0 [::]/0
smtpd_authorized_xforward_hosts = 0.0.0.0/0 [::]/0
smtpd_sasl_auth_enable = yes
smtputf8_enable = yes

# Tests are many clients in a hurry, and none of them is forgiven for less than they ask.
smtpd_error_sleep_time = 0
smtpd_soft_error_limit = 100000
smtpd_hard_error_limit = 100000
smtpd_junk_command_limit = 100000
smtpd_recipient_limit = 20000
smtpd_recipient_overshoot_limit = 20000
smtpd_client_event_limit_exceptions = 0.0.0.0/0 [::]/0
default_process_limit = 100
in_flow_delay = 0
message_size_limit = {message_max}
header_size_limit = {headers_max}
minimal_backoff_time = 2s
maximal_backoff_time = 2s
queue_run_delay = 2s

virtual_alias_domains = alias.example
virtual_alias_maps = inline:{{ {{ {old_home} = {new_home} }} }}

milter_default_action = tempfail
milter_protocol = 6
smtpd_milters = unix:{milter}
non_smtpd_milters = {non_smtpd}
"""

MAPS_CF = """\
sender_canonical_maps = socketmap:unix:{maps}:forward
sender_canonical_classes = envelope_sender
recipient_canonical_maps = socketmap:unix:{maps}:reverse
recipient_canonical_classes = envelope_recipient
"""

MASTER_CF = """\
{listen}
pickup    unix  n       -       n       60      1       pickup
cleanup   unix  n       -       n       -       0       cleanup
qmgr      unix  n       -       n       300     1       qmgr
rewrite   unix  -       -       n       -       -       trivial-rewrite
bounce    unix  -       -       n       -       0       bounce
defer     unix  -       -       n       -       0       bounce
trace     unix  -       -       n       -       0       bounce
verify    unix  -       -       n       -       1       verify
proxymap  unix  -       -       n       -       -       proxymap
proxywrite unix -       -       n       -       1       proxymap
tlsmgr    unix  -       -       n       1000?   1       tlsmgr
flush     unix  n       -       n       1000?   0       flush
smtp      unix  -       -       n       -       -       smtp
relay     unix  -       -       n       -       -       smtp
showq     unix  n       -       n       -       -       showq
error     unix  -       -       n       -       -       error
retry     unix  -       -       n       -       -       error
discard   unix  -       -       n       -       -       discard
anvil     unix  -       -       n       -       1       anvil
scache    unix  -       -       n       -       1       scache
postlog   unix-dgram n  -       n       -       1       postlogd
"""


class Postfix(Mta):
    name = "postfix"
    smtputf8 = True
    unknown = "nobody@here.example"

    def __init__(self, *args, dns_port: int = 53, **kwargs):
        super().__init__(*args, **kwargs)
        self.dns_port = dns_port
        self.ipv6 = net.inside()

    @classmethod
    def missing(cls) -> str | None:
        if os.geteuid() != 0:
            return "Postfix only runs as root"
        return None if (DAEMONS / "master").exists() else "Postfix is not installed"

    def _configure(self) -> None:
        postfix, postdrop = pwd.getpwnam("postfix").pw_uid, grp.getgrnam("postdrop").gr_gid
        for name in ("etc", "log"):
            (self.folder / name).mkdir(exist_ok=True)
        # postlogd and the others work as `postfix`: they must be able to reach their own folders.
        for folder in (self.folder, *self.folder.parents):
            if not folder.stat().st_mode & 0o001 and folder.is_relative_to("/tmp"):
                folder.chmod(folder.stat().st_mode | 0o011)
        (self.folder / "data").mkdir(exist_ok=True)
        os.chown(self.folder / "data", postfix, 0)
        os.chown(self.folder / "log", postfix, 0)
        queue = self.folder / "queue"
        queue.mkdir(exist_ok=True)
        for name in ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private",
                     "saved", "trace"):
            (queue / name).mkdir(mode=0o700, exist_ok=True)
            os.chown(queue / name, postfix, 0)
        for name, mode in (("maildrop", 0o1730), ("public", 0o2710)):
            (queue / name).mkdir(exist_ok=True)
            os.chown(queue / name, postfix, postdrop)
            (queue / name).chmod(mode)
        (queue / "pid").mkdir(exist_ok=True)

        listen = [f"127.0.0.1:{self.port}"] + ([f"[::1]:{self.port}"] if self.ipv6 else [])
        milter = f"unix:{self.milter}"
        (self.folder / "etc/master.cf").write_text(MASTER_CF.format(
            listen="\n".join(f"{where} inet n - n - - smtpd" for where in listen)))
        (self.folder / "etc/main.cf").write_text(MAIN_CF.format(
            daemons=DAEMONS, unknown=self.unknown, folder=self.folder, host_name=net.HOST_NAME, protocols="all" if self.ipv6 else "ipv4",
            sink_port=self.sink_port, message_max=MESSAGE_MAX, headers_max=HEADERS_MAX, milter=self.milter,
            non_smtpd=milter if self.non_smtpd else "", old_home=OLD_HOME, new_home=NEW_HOME) +
            (MAPS_CF.format(maps=self.maps) if self.maps else ""))
        for path in (self.folder / "etc").iterdir():
            os.utime(path, (0, 0))  # each program of Postfix waits for a configuration that has just changed

    def _command(self) -> list[str | Path]:
        return [DAEMONS / "master", "-c", self.folder / "etc", "-d"]

    def log(self) -> str:
        path = self.folder / "log/maillog"
        return path.read_text(errors="backslashreplace") if path.exists() else ""

    def queued(self) -> int:
        return sum(count_files(self.folder / "queue" / q) for q in QUEUES)

    def held(self) -> int:
        return count_files(self.folder / "queue/hold")

    def release(self) -> None:
        run("postsuper", "-c", self.folder / "etc", "-H", "ALL")

    @contextmanager
    def speaking_protocol(self, version: int):
        """With an older milter protocol: below 6 it keeps the blank after the colon of a field to itself."""
        main = self.folder / "etc/main.cf"
        text = main.read_text()
        main.write_text(text.replace("milter_protocol = 6", f"milter_protocol = {version}"))
        self.again()
        try:
            yield
        finally:
            main.write_text(text)
            self.again()

    def submit(self, sender: str, recipient: str, content: bytes) -> None:
        """By the command line, not by SMTP."""
        run("/usr/sbin/sendmail", "-C", self.folder / "etc", "-i", "-f", sender, recipient, input=content.decode())

    def session(self, ip: str = "127.0.0.1", helo: str = "client.example", login: str | None = None) -> Client:
        client = super().session(ip, helo, login)
        if not net.inside():
            who = {"addr": ip, "name": self._name(ip), "reverse_name": self._ptr(ip)}
            self._xclient(client, helo, **who, **({"login": login} if login else {}))
        return client

    def _log_in(self, client: Client, helo: str, login: str) -> None:
        if net.inside():
            self._xclient(client, helo, login=login)

    def _xclient(self, client: Client, helo: str, **attributes: str) -> None:
        for reply in (client.xclient(**attributes), client.ehlo(helo)):
            if reply.kind != 2:
                raise Failed(f"XCLIENT {attributes}: {reply}")

    def _ask(self, name: str, rdtype: str) -> list[str]:
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers, resolver.port, resolver.lifetime = [net.DNS_ADDRESS], self.dns_port, 2
        try:
            return [answer.to_text().rstrip(".") for answer in resolver.resolve(name, rdtype)]
        except dns.exception.DNSException:
            return []

    def _ptr(self, ip: str) -> str:
        """What the PTR record says: else Postfix would keep the name of this machine."""
        return next(iter(self._ask(dns.reversename.from_address(ip), "PTR")), "[UNAVAILABLE]")

    def _name(self, ip: str) -> str:
        """What Postfix would find if the connection really came from there: a name that leads back, or none."""
        name = self._ptr(ip)
        return name if ip in self._ask(name, "AAAA" if ":" in ip else "A") else "[UNAVAILABLE]"
