"""/dev/log of the private Internet, for programs that know no other way to say what they did."""
import os
import socket
import threading
from pathlib import Path

DEV_LOG = "/dev/log"
LINE_MAX = 65536


class Syslog:
    def __init__(self, path: Path):
        self.path = path
        self.path.write_text("")
        if os.path.exists(DEV_LOG):
            os.unlink(DEV_LOG)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(DEV_LOG)
        os.chmod(DEV_LOG, 0o666)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        with open(self.path, "ab", buffering=0) as out:
            while data := self._socket.recv(LINE_MAX):
                out.write(data.partition(b">")[2].rstrip(b"\n\0") + b"\n")

    def text(self) -> str:
        return self.path.read_text(errors="backslashreplace")

    def stop(self) -> None:
        """An empty datagram ends the thread."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.sendto(b"", DEV_LOG)
        self._thread.join()
        self._socket.close()
        os.unlink(DEV_LOG)
