"""The filters that are measured: Postern as it is configured here, and its peers. All listen on a socket of their own and ask the
same name server."""
import os
import re
import shutil
import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TOP / "tests/live"))

from harness import net  # noqa: E402
from harness.filter import BUILD, NULL_MILTER, POSTERN, answers  # noqa: E402
from harness.process import Process, wait_until  # noqa: E402

RESPONDER = BUILD / "bench/responder"
ZONE = """
example.com TXT "v=spf1 include:_spf.example.com -all"
_spf.example.com TXT "v=spf1 ip4:198.51.100.0/24 ip4:192.0.2.0/24 -all"
client.example.com TXT "v=spf1 a -all"
client.example.com A 192.0.2.1
1.2.0.192.in-addr.arpa PTR client.example.com
"""
SPF = "[spf]\nmode = on\n[authres]\nadd = yes\n"
EVERYTHING = SPF + """[connection]
hello_checks = yes
ptr_checks = yes
iprev = yes
hello_blacklist = mx.example.net
max_demerits = 10
[sender]
syntax_checks = yes
message_id_checks = yes
internal_domains = example.net
no_mail_to = mailer-daemon@*
[policy]
access = {folder}/access
"""
# What is remembered: none of it, each of it, all of it.
STORE = SPF + "[store]\npath = {folder}/store.db\n"
GREYLIST = "[greylist]\nmode = all\nproven = yes\ndelay = 1s\nexempt_after = 0\n"
LIMITS = "[limits]\nclient = 1000000000 messages per 1d by client\nbox = 1000000000 messages per 1d by recipient\n"
LISTS = "[lists]\nwhitelist = friend.example\n"
REMEMBERED = {
    "nothing stored": SPF,
    "bans and lists": STORE + LISTS + "[journal]\nkeep = 0\n",
    "greylist": STORE + GREYLIST + "[journal]\nkeep = 0\n",
    "limits": STORE + LIMITS + "[journal]\nkeep = 0\n",
    "journal without facts": STORE + "[journal]\nfacts = no\n",
    "journal": STORE,
    "all of it": STORE + GREYLIST + LIMITS + LISTS,
}
ACCESS_RULES = 10000
# libunbound, which opendkim uses, asks nobody at 127/8; inside a private network every address is ours.
DNS_ADDRESS = "192.0.2.53"
OPENDKIM = """Mode v
Socket local:{socket}
PidFile {folder}/pid
Syslog no
Background no
UserID root
AuthservID mx.example.net
Nameservers {dns}
On-BadSignature accept
On-NoSignature accept
"""
OPENDMARC = """Socket local:{socket}
PidFile {folder}/pid
Syslog false
Background false
UserID root
AuthservID mx.example.net
TrustedAuthservIDs mx.example.net
RejectFailures false
PublicSuffixList /usr/share/publicsuffix/public_suffix_list.dat
"""
PYSPF = """debugLevel = 0
TestOnly = 1
Authserv_Id = mx.example.net
HELO_reject = False
Mail_From_reject = False
Socket = local:{socket}
PidFile = {folder}/pid
UserID = root
InternalHosts = 127.0.0.1
"""
RSPAMD = """
options {{
  pidfile = "{folder}/pid"; filters = "{filters}"; dns {{ nameserver = ["{dns}"]; }}
  cache_file = "{folder}/cache"; hs_cache_dir = "{folder}"; tempdir = "{folder}"; control_socket = "{folder}/control";
  url_tld = "/usr/share/rspamd/effective_tld_names.dat"; explicit_modules = [];
}}
logging {{ type = "file"; filename = "{folder}/log"; level = "error"; }}
worker "rspamd_proxy" {{
  bind_socket = "{socket} mode=0666"; milter = yes; timeout = 120s; count = 1;
  upstream "local" {{ default = yes; self_scan = yes; }}
}}
{modules}
actions {{ reject = 1000; }}
group "policies" {{ .include "/etc/rspamd/scores.d/policies_group.conf" }}
"""
RSPAMD_SPF = """
modules { path = "/usr/share/rspamd/plugins/spf.lua"; }
spf { enabled = true; }
"""
RSPAMD_SENDERS = """
modules { path = "/usr/share/rspamd/plugins/spf.lua"; path = "/usr/share/rspamd/plugins/dmarc.lua";
          path = "/usr/share/rspamd/plugins/milter_headers.lua"; }
spf { enabled = true; }
dkim { enabled = true; }
dmarc { enabled = true; }
milter_headers { use = ["authentication-results"]; }
"""


@dataclass
class Subject:
    name: str
    process: Process
    address: str
    refused: int = 0
    rounds: list = field(default_factory=list)

    def pids(self) -> list[int]:
        """The process and its children."""
        found = [self.process.pid]
        for pid in found:
            for task in Path(f"/proc/{pid}/task").glob("*/children"):
                found += [int(child) for child in task.read_text().split()]
        return found

    def cpu(self) -> float:
        ticks = 0
        for pid in self.pids():
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def resident(self) -> int:
        """KiB."""
        return sum(memory(pid, "VmRSS") for pid in self.pids())

    def stop(self) -> None:
        self.process.kill()  # a peer of ours needs seconds for SIGTERM; nothing is lost


def memory(pid: int, what: str) -> int:
    return int(re.search(rf"{what}:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1])


class Stage:
    """The folder, the name server, and the starters. Inside a private network if this machine allows it: there the peers that
    only know port 53 and /etc/resolv.conf find our name server."""

    def __init__(self, folder: Path):
        self.folder = folder
        zone, ready = folder / "zone", folder / "dns.port"
        zone.write_text(ZONE)
        address = DNS_ADDRESS if net.inside() else "127.0.0.1"
        if net.inside():
            Path("/etc/resolv.conf").write_text(f"nameserver {address}\n")
        self.more_names = folder / "more.zone"
        self.more_names.write_text("")
        self.dns = Process([sys.executable, TOP / "tests/fakes/dns.py", "--address", address, "--port", "53" if net.inside() else "0",
                            "--zone", zone, self.more_names, "--ready-file", ready], folder / "dns.log")
        wait_until(lambda: ready.exists() and ready.read_text().strip() != "", 10, "the name server")
        self.dns_server = f"{address}@{ready.read_text().split()[-1]}"
        self.running: list[Process] = [self.dns]

    def add_names(self, zone: str) -> None:
        """Before anybody has asked for them."""
        self.more_names.write_text(zone)
        self.dns.tell(signal.SIGHUP)

    def own(self, name: str) -> Path:
        folder = self.folder / re.sub(r"\W+", "-", name)
        folder.mkdir()
        return folder

    def started(self, name: str, args: list, folder: Path, address: str, **options) -> Subject:
        process = Process(args, folder / "output", **options)
        self.running.append(process)
        if address.startswith("unix:"):
            process.wait_ready(lambda: answers(Path(address[5:])), timeout=30)
        else:
            process.wait_ready(lambda: net.listening("127.0.0.1", int(re.search(r"\d+", address)[0])), timeout=30)
        return Subject(name, process, address)

    def postern(self, name: str, settings: str = "", address: str | None = None) -> Subject:
        folder = self.own(name)
        address = address or f"unix:{folder}/milter.sock"
        config = folder / "postern.conf"
        (folder / "access").write_text("".join(f"SPF-Fail:host{i}.example.org\tREJECT\n" for i in range(ACCESS_RULES)))
        os.utime(folder / "access", (0, 0))  # of a map that was written just now the filter waits for the end
        config.write_text(f"[daemon]\nlisten = {address}\nsocket_mode = 0666\nmax_sessions = 4000\n"
                          f"[log]\ntarget = file:{folder}/log\n"
                          f"[dns]\nservers = {self.dns_server}\n{settings.format(folder=folder)}")
        return self.started(name, [POSTERN, "serve", "-c", config], folder, address)

    def responder(self, name: str = "responder", address: str | None = None) -> Subject:
        folder = self.own(name)
        address = address or f"unix:{folder}/milter.sock"
        return self.started(name, [RESPONDER, address], folder, address)

    def libmilter(self, name: str, *options: str) -> Subject:
        folder = self.own(name)
        return self.started(name, [NULL_MILTER, *options, f"unix:{folder}/milter.sock"], folder, f"unix:{folder}/milter.sock")

    def peer(self, program: str, name: str, config: str, *options: str, **settings: str) -> Subject | str:
        """One that is given a configuration file after `options`. Why not, if it is not here or could not ask our name server."""
        if shutil.which(program) is None:
            return f"{program} is not installed"
        if not net.inside():
            return f"{program} asks port 53 only, and there is no private network here"
        folder = self.own(name)
        folder.chmod(0o777)
        socket = folder / "milter.sock"
        (folder / "conf").write_text(config.format(folder=folder, socket=socket, dns=self.dns_server.split("@")[0], **settings))
        return self.started(name, [shutil.which(program), *options, folder / "conf"], folder, f"unix:{socket}")

    def pyspf(self) -> Subject | str:
        return self.peer("pyspf-milter", "pyspf-milter", PYSPF)

    def opendkim(self) -> Subject | str:
        return self.peer("opendkim", "opendkim", OPENDKIM, "-f", "-x")

    def opendmarc(self) -> Subject | str:
        return self.peer("opendmarc", "opendmarc", OPENDMARC, "-f", "-c")

    def rspamd(self, name: str = "rspamd, spf only", filters: str = "", modules: str = RSPAMD_SPF) -> Subject | str:
        return self.peer("rspamd", name, RSPAMD, "-f", "-u", "_rspamd", "-g", "_rspamd", "-c", filters=filters, modules=modules)

    def rspamd_senders(self) -> Subject | str:
        return self.rspamd("rspamd, the same modules", "dkim", RSPAMD_SENDERS)

    def stop(self) -> None:
        for process in reversed(self.running):
            process.kill()
