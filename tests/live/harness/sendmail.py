"""A throw-away Sendmail from unpacked Debian packages: Postfix and Sendmail cannot both be installed. It finds itself and
its files under fixed names, so it only runs inside the private Internet."""
import os
from pathlib import Path

from . import net
from .client import Client
from .mta import HEADERS_MAX, MESSAGE_MAX, NEW_HOME, OLD_HOME, PASSWORD, Mta, count_files
from .process import Failed, run
from .syslog import Syslog

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "postern"
ROOT = CACHE / "sendmail"
PROGRAM = ROOT / "usr/libexec/sendmail/sendmail"
CF = ROOT / "usr/share/sendmail/cf"
PYSRS = CACHE / "python3-srs/usr/share/doc/python3-srs/examples/pysrs.m4"
SASL_CONF = Path("/etc/sasl2/Sendmail.conf")
REALM = net.HOST_NAME

MC = """\
divert(-1)
define(`_CF_DIR_', `{cf}/')
include(`{cf}/m4/cf.m4')
divert(0)dnl
VERSIONID(`postern live test')
define(`confEBINDIR', `{root}/usr/libexec/sendmail')dnl
define(`MAIL_SETTINGS_DIR', `{folder}/')dnl
OSTYPE(`linux')dnl
define(`ALIAS_FILE', `')dnl
define(`STATUS_FILE', `{folder}/statistics')dnl
define(`HELP_FILE', `{folder}/helpfile')dnl
define(`QUEUE_DIR', `{folder}/queue')dnl
define(`confPID_FILE', `{folder}/pid')dnl
define(`confDONT_BLAME_SENDMAIL', `GroupReadableSASLDBFile')dnl
define(`confTRUSTED_USER', `root')dnl
define(`confDEF_USER_ID', `65534:65534')dnl
define(`confDOMAIN_NAME', `{host_name}')dnl
define(`confDELIVERY_MODE', `background')dnl
define(`confTO_IDENT', `0')dnl
define(`confLOG_LEVEL', `10')dnl
define(`confQUEUE_LA', `1000')dnl
define(`confREFUSE_LA', `1000')dnl
define(`confDELAY_LA', `0')dnl
define(`confMAX_MESSAGE_SIZE', `{message_max}')dnl
define(`confMAX_HEADERS_LENGTH', `{headers_max}')dnl
define(`confPRIVACY_FLAGS', `goaway')dnl
define(`confCONNECT_ONLY_TO', `127.0.0.1')dnl
define(`confAUTH_MECHANISMS', `PLAIN LOGIN')dnl
define(`confMILTER_LOG_LEVEL', `8')dnl
TRUST_AUTH_MECH(`PLAIN LOGIN')dnl
define(`SMART_HOST', `relay:[127.0.0.1]')dnl
define(`MAIL_HUB', `relay:[127.0.0.1]')dnl
define(`RELAY_MAILER_ARGS', `TCP $h {sink_port}')dnl
define(`RELAY_MAILER_FLAGS', `')dnl
define(`SMTP_MAILER_MAXMSGS', `100')dnl
FEATURE(`nocanonify')dnl
FEATURE(`promiscuous_relay')dnl
FEATURE(`accept_unqualified_senders')dnl
FEATURE(`accept_unresolvable_domains')dnl
FEATURE(`no_default_msa')dnl
FEATURE(`virtusertable', `text -k0 -v1 {folder}/virtuser')dnl
VIRTUSER_DOMAIN(`alias.example')dnl
DAEMON_OPTIONS(`Name=MTA, Family=inet, Addr=127.0.0.1, Port={port}')dnl
DAEMON_OPTIONS(`Name=MTA6, Family=inet6, Addr=::1, Port={port}')dnl
INPUT_MAIL_FILTER(`postern', `S=local:{milter}, F=T, T=C:5m;S:20s;R:5m;E:5m')dnl
MAILER(`smtp')dnl
"""

# The maps, keys and places of pysrs.m4, and BATV: on the way out the next hop, $| and the sender; in rule set 0 what looks signed.
MAPS_RULES = """\
LOCAL_CONFIG
Kmake_srs socket local:{maps}
Kreverse_srs socket local:{maps}
Klooks_signed regex ^<?(SRS[01]|SES|prvs)[+=-].*

MAILER_DEFINITIONS
SEnvFromSMTP
R$+\t\t\t$: $>OursOut $1

LOCAL_RULESETS
SOursOut
R$*\t\t\t$: $&h $| $1
R$*\t\t\t$: $(make_srs $1 $)

SOursIn
R$*\t\t\t$: $1 $| $(looks_signed $1 $: NO $)
R$* $| NO\t\t$@ $1
R$* $| $*\t\t$@ $(reverse_srs $1 $)

LOCAL_RULE_0
R$*\t\t\t$: $>OursIn $1
"""
# The file itself, as an administrator has it: put into the folder of hacks and named in the .mc.
PYSRS_RULES = """\
define(`_CF_DIR_', `{folder}/')dnl
HACK(`pysrs', `{maps}')dnl
define(`_CF_DIR_', `{cf}/')dnl
"""


class Sendmail(Mta):
    name = "sendmail"
    smtputf8 = False
    ipv6 = True

    def __init__(self, *args, pysrs: bool = False, **kwargs):
        """`pysrs`: the maps are asked by the rules of pysrs.m4 itself, not by those of this file."""
        super().__init__(*args, **kwargs)
        self.pysrs = pysrs

    @classmethod
    def missing(cls) -> str | None:
        if not net.inside():
            return f"Sendmail needs the private network ({net.missing() or 'which this machine does not allow'})"
        return None if PROGRAM.exists() else "Sendmail is not unpacked (scripts/setup test)"

    def _configure(self) -> None:
        self.folder.chmod(0o755)
        (self.folder / "queue").mkdir(mode=0o700, exist_ok=True)
        mc, cf = self.folder / "sendmail.mc", self.folder / "sendmail.cf"
        (self.folder / "virtuser").write_text(f"{OLD_HOME} {NEW_HOME}\n")
        if self.pysrs:
            (self.folder / "hack").mkdir(exist_ok=True)
            (self.folder / "hack/pysrs.m4").write_bytes(PYSRS.read_bytes())
        template = MC + ((PYSRS_RULES if self.pysrs else MAPS_RULES) if self.maps else "")
        mc.write_text(template.format(maps=self.maps, cf=CF, root=ROOT, folder=self.folder, host_name=net.HOST_NAME, port=self.port,
                                sink_port=self.sink_port, milter=self.milter, message_max=MESSAGE_MAX,
                                headers_max=HEADERS_MAX))
        cf.write_text(run("m4", mc))
        self.syslog: Syslog | None = None
        if not self.maps:  # logins and /dev/log are the whole host's: a second one has none, and writes to the first one's log
            self._logins()
            self.syslog = Syslog(self.folder / "maillog")

    def _logins(self) -> None:
        """Any login of the tests has the same password; saslpasswd2 makes it when it is first used."""
        SASL_CONF.parent.mkdir(exist_ok=True)
        self._sasldb = self.folder / "sasldb2"
        SASL_CONF.write_text("pwcheck_method: auxprop\nauxprop_plugin: sasldb\nmech_list: PLAIN LOGIN\n"
                             f"sasldb_path: {self._sasldb}\n")
        self._known: set[str] = set()
        self._make_login("nobody")

    def _make_login(self, login: str) -> None:
        if login not in self._known:
            run("saslpasswd2", "-p", "-c", "-f", self._sasldb, "-u", REALM, login, input=PASSWORD)
            self._known.add(login)

    def _command(self) -> list[str | Path]:
        return [PROGRAM, "-bD", "-q2s", f"-C{self.folder / 'sendmail.cf'}"]

    def stop(self) -> None:
        super().stop()
        if self.syslog:
            self.syslog.stop()

    def log(self) -> str:
        return self.syslog.text() if self.syslog else ""

    def queued(self) -> int:
        return count_files(self.folder / "queue", "df") + count_files(self.folder / "queue", "qf")

    def held(self) -> int:
        return count_files(self.folder / "queue", "hf")

    def release(self) -> None:
        run(PROGRAM, f"-C{self.folder / 'sendmail.cf'}", "-qQ", "-Q")

    def _log_in(self, client: Client, helo: str, login: str) -> None:
        self._make_login(login)
        reply = client.auth_plain(login, PASSWORD)
        if reply.code != 235:
            raise Failed(f"AUTH as {login}: {reply}\n{self.log()}")
