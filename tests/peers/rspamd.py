"""rspamd on a loopback port with DKIM, ARC, SPF and DMARC and nothing else, asked over HTTP; names come from our name server.

Mail comes from CLIENT, a stranger's address. It is sealed for a recipient in DOMAIN, and signed on request.
"""
import http.client
import json
import os
import re
import shutil
from pathlib import Path

from .common import CLIENT, CLIENT_NAME, DOMAIN, NAMES, Postern, installed, without_lone_cr

from harness import net
from harness.names import NameServer
from harness.process import Process

USER = "_rspamd"
BODY_STEP = 1023  # octets
SUFFIXES = ("com", "net", "org", "example")  # the whole list costs it seconds to load
PLUGINS = ("spf", "dkim_signing", "arc", "dmarc", "milter_headers")
CONFIG = """
options {{
  pidfile = "{folder}/pid"; filters = "dkim"; dns {{ nameserver = ["{dns}"]; timeout = 2s; retransmits = 2; }}
  cache_file = "{folder}/cache"; hs_cache_dir = "{folder}"; tempdir = "{folder}"; control_socket = "{folder}/control";
  disable_hyperscan = true; url_tld = "{folder}/suffixes"; explicit_modules = [];
}}
logging {{ type = "file"; filename = "{folder}/log"; level = "notice"; }}
worker "normal" {{ bind_socket = "127.0.0.1:{port}"; count = 1; }}
modules {{ {plugins} }}
actions {{ reject = 10000; }}
dkim {{
  dkim_cache_size = 2k; time_jitter = 6h; trusted_only = false; skip_multi = false; max_sigs = 10; dkim_cache_expire = 1d;
  sign_headers = "(o)from:{names}";
}}
dkim_signing {{ use_http_headers = true; use_milter_headers = true; }}
arc {{
  sign_authenticated = false; sign_local = false; sign_inbound = true; allow_hdrfrom_mismatch = true;
  use_domain = "recipient"; use_esld = false; try_fallback = false;
  domain {{ "{domain}" {{ path = "{folder}/rsa.pem"; selector = "rsa"; }} }}
}}
dmarc {{ }}
spf {{ spf_cache_size = 2k; }}
milter_headers {{
  use = ["authentication-results"]; authenticated_headers = ["authentication-results"];
}}
"""
DKIM = {"R_DKIM_ALLOW": "pass", "R_DKIM_REJECT": "fail", "R_DKIM_PERMFAIL": "permerror", "R_DKIM_TEMPFAIL": "temperror",
        "R_DKIM_NA": "none"}
DMARC = {"DMARC_POLICY_ALLOW": "pass", "DMARC_POLICY_REJECT": "fail reject", "DMARC_POLICY_QUARANTINE": "fail quarantine",
         "DMARC_POLICY_SOFTFAIL": "fail none", "DMARC_NA": "none"}
ARC = {"ARC_ALLOW": "pass", "ARC_REJECT": "fail", "ARC_INVALID": "fail", "ARC_NA": "none", "ARC_DNSFAIL": "temperror"}


class Rspamd:
    name = "rspamd"

    def __init__(self, postern: Postern, folder: Path, zones: tuple[Path, ...] = ()):
        self.postern, self.folder = postern, folder
        folder.mkdir()
        shutil.copy(postern.key("rsa"), folder / "rsa.pem")
        self.names = NameServer(self.subfolder("names"), [postern.zone, *zones])
        self.port = net.free_port()
        (folder / "suffixes").write_text("\n".join(SUFFIXES) + "\n")
        config = folder / "conf"
        config.write_text(CONFIG.format(
            folder=folder, dns=self.names.server.replace("@", ":"), port=self.port, domain=DOMAIN, names=":".join(NAMES[1:]).lower(),
            plugins=" ".join(f'path = "/usr/share/rspamd/plugins/{p}.lua";' for p in PLUGINS)))
        args = [installed("rspamd"), "-f", "-c", config]
        if os.geteuid() == 0:  # it does not run as root
            postern.folder.chmod(0o711)
            for path in (folder, folder / "rsa.pem"):
                shutil.chown(path, USER)
            args += ["-u", USER, "-g", USER]
        self.process = Process(args, folder / "output")
        self.process.wait_ready(lambda: net.listening("127.0.0.1", self.port), timeout=30)
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    def subfolder(self, name: str) -> Path:
        path = self.folder / name
        path.mkdir()
        return path

    @staticmethod
    def missing() -> str | None:
        return None if installed("rspamd") else "rspamd is not installed"

    def ask(self, message: bytes, sender: str = f"author@{DOMAIN}", recipient: str = "friend@example.net", **headers: str) -> dict:
        self.connection.request("POST", "/checkv2", message, {"From": sender, "Rcpt": recipient, "IP": CLIENT, "Helo": CLIENT_NAME,
                                                              **headers})
        return json.loads(self.connection.getresponse().read())

    def added(self, answer: dict, *names: str) -> bytes:
        """Fields that it wants to have added, with those names."""
        fields = answer["milter"]["add_headers"]
        return b"".join(f"{name}: {fields[name]['value']}\r\n".encode() for name in names)

    def results(self, message: bytes) -> str:
        """The value of its Authentication-Results."""
        return self.ask(message)["milter"]["add_headers"]["Authentication-Results"]["value"]

    def symbol(self, message: bytes, words: dict[str, str], **how: str) -> str:
        symbols = self.ask(message, **how)["symbols"]
        return next((word for symbol, word in words.items() if symbol in symbols), "nothing")

    @staticmethod
    def fit(message: bytes) -> bytes:
        """It makes line ends of CRs. Relaxed bodies it takes in steps, and white space that goes over the end of one is not reduced
        or dropped as RFC 6376 §3.4.4 has it; nor is it where a body has nothing else."""
        header, _, body = without_lone_cr(message).partition(b"\r\n\r\n")
        if not body.strip():
            body = b""
        if len(body) >= BODY_STEP:
            body = re.sub(rb"[ \t]+(\r\n)?", lambda m: m[1] or b" ", body)
        return header + b"\r\n\r\n" + body

    def can_sign(self, selector: str, canon: str) -> bool:
        return canon == "relaxed/relaxed"

    def sign(self, message: bytes, selector: str, canon: str) -> bytes:
        key = "".join(self.postern.key(selector).read_text().split("\n")[1:-2]) if selector == "rsa" else self.postern.seed.decode()
        answer = self.ask(message, PerformDkimSign="yes", DkimDomain=DOMAIN, DkimSelector=selector, DkimPrivateKey=key)
        return self.added(answer, "DKIM-Signature") + message

    def verify(self, message: bytes) -> str:
        return self.symbol(message, DKIM)

    def can_seal(self, hop: int) -> bool:
        """On top of two sets it hashes them in descending order (RFC 8617 §5.1.1 has it ascending), and says fail of what it
        made."""
        return hop <= 2

    def seal(self, message: bytes, text: str, canon: str) -> bytes:
        """What it saw itself, not the text."""
        answer = self.ask(message, recipient=f"list@{DOMAIN}")
        return self.added(answer, "ARC-Seal", "ARC-Message-Signature", "ARC-Authentication-Results") + message

    def chain(self, message: bytes) -> str:
        return self.symbol(message, ARC)

    def stop(self) -> None:
        self.process.kill()
        self.names.stop()
