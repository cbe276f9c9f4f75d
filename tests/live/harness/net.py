"""A private Internet: network, mount and host name of this process and its children only.

Inside it every IPv4 and IPv6 address is ours, to listen on and to connect from. /etc, /dev and /run are our own: there the
MTAs find who we are, whom to ask for names, where to log, and a place that no stranger can write to. Nothing outside is
touched, and no port there can be in the way.
"""
import ctypes
import os
import shutil
import socket
import tempfile
from pathlib import Path

from .process import Failed, run

HOST_NAME = "mx.here.example"
DNS_ADDRESS = "127.0.0.1"

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWNET = 0x00020000, 0x04000000, 0x40000000
IP_FREEBIND, IPV6_FREEBIND = 15, 78
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")

_inside = False


def inside() -> bool:
    return _inside


def missing() -> str | None:
    """Why there can be no private Internet; None when there can."""
    if os.geteuid() != 0:
        return "only root can make a private network"
    if shutil.which("ip") is None:
        return "the ip command is missing (iproute2)"
    return None


def enter() -> str | None:
    """Once, before any thread is started. Returns why not, in words, when this machine does not let us."""
    global _inside
    why = missing()
    if why or _inside:
        return why
    try:
        run("unshare", "--mount", "--uts", "--net", "true")  # there is no way back, so a child tries first
    except Failed as e:
        return str(e)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWNET) != 0:
        return f"unshare: {os.strerror(ctypes.get_errno())}"
    try:
        run("mount", "--make-rprivate", "/")
        socket.sethostname(HOST_NAME)
        run("ip", "link", "set", "lo", "up")
        run("ip", "route", "add", "local", "0.0.0.0/0", "dev", "lo")
        if socket.has_ipv6 and Path("/proc/net/if_inet6").exists():
            run("ip", "-6", "route", "add", "local", "::/0", "dev", "lo")
        _own_etc()
        _own_dev()
        run("mount", "-t", "tmpfs", "-o", "mode=755", "run", "/run")
    except (Failed, OSError) as e:
        return str(e)
    _inside = True
    return None


def _own_etc() -> None:
    """What is written here goes with the last process of the private mount namespace."""
    copy = tempfile.mkdtemp(prefix="postern-etc-")
    run("mount", "-t", "tmpfs", "-o", "mode=755", "etc", copy)
    shutil.copytree("/etc", copy, symlinks=True, dirs_exist_ok=True)
    etc = Path(copy)
    (etc / "hosts").write_text(f"127.0.0.1 {HOST_NAME} localhost\n::1 {HOST_NAME} localhost\n")
    (etc / "resolv.conf").unlink(missing_ok=True)
    (etc / "resolv.conf").write_text(f"nameserver {DNS_ADDRESS}\noptions timeout:2 attempts:1\n")
    (etc / "nsswitch.conf").write_text("passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nservices: files\n")
    run("mount", "--move", copy, "/etc")
    os.rmdir(copy)


def _own_dev() -> None:
    copy = tempfile.mkdtemp(prefix="postern-dev-")
    run("mount", "-t", "tmpfs", "-o", "mode=755", "dev", copy)
    dev = Path(copy)
    for name in DEVICES:
        (dev / name).touch()
        run("mount", "--bind", f"/dev/{name}", dev / name)
    (dev / "shm").mkdir(mode=0o1777)
    (dev / "fd").symlink_to("/proc/self/fd")
    run("mount", "--move", copy, "/dev")
    os.rmdir(copy)


def folder() -> Path:
    """A new one, for all files of a bench. Sendmail takes no socket below a folder that all may write to, such as /tmp; what
    is in /run inside goes with the last process there."""
    path = Path(tempfile.mkdtemp(prefix="postern-bench-", dir="/run" if _inside else None))
    path.chmod(0o755)
    return path


def connect(host: str, port: int, source: str | None = None, timeout: float = 60) -> socket.socket:
    """`source` may be any address of the host's family inside, and one of 127/8 outside."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    s = socket.socket(family, socket.SOCK_STREAM)
    try:
        s.settimeout(timeout)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if source is not None:
            level, option = (socket.IPPROTO_IPV6, IPV6_FREEBIND) if ":" in host else (socket.IPPROTO_IP, IP_FREEBIND)
            s.setsockopt(level, option, 1)
            s.bind((source, 0))
        s.connect((host, port))
        return s
    except OSError:
        s.close()
        raise


def free_port(address: str = "127.0.0.1") -> int:
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as s:
        s.bind((address, 0))
        return s.getsockname()[1]


def listening(host: str, port: int) -> bool:
    try:
        connect(host, port, timeout=1).close()
        return True
    except OSError:
        return False
