"""baresip, an independent softphone: it sends a tone and records what it hears."""

from __future__ import annotations

import subprocess
import time
import wave
from pathlib import Path

import numpy as np
from name_server import NameServer

MODULES = ("g711", "srtp", "aufile", "aubridge", "sndfile", "account", "menu")
FOLDERS = ("/usr/lib/baresip/modules", "/usr/lib/x86_64-linux-gnu/baresip/modules")
CONFIG = """module_path {modules}
{loaded}
net_interface 127.0.0.1
dns_server 127.0.0.1:{names}
sip_listen 127.0.0.1:{below}
{secure}
audio_source aufile,{folder}/tone.wav
audio_player aubridge,nowhere
audio_alert aubridge,nowhere
audio_path {folder}
snd_path {folder}
"""
SECURE = "sip_certificate {folder}/own.pem\nsip_cafile {ca}"
ACCOUNT = "<{own};transport={transport}>;regint=0;answermode=auto;audio_codecs=PCMA/8000/1{encryption}\n"


class Softphone:
    """baresip as a process of its own; it ends its call when its time is over.

    Parameters
    ----------
    port : where it hears UDP, or TLS, where it has UDP at the one before
    own : its SIP URI
    files : certificate, key and ca; None without TLS and SRTP
    tone : that it sends [Hz]
    seconds : how long it is there [s]
    call : SIP URI that it calls at once; "" where it answers
    """

    def __init__(
        self,
        folder: Path,
        port: int,
        own: str,
        files: dict[str, str] | None,
        tone: int,
        seconds: int,
        call: str = "",
    ) -> None:
        self._folder, self._names = folder, NameServer()
        folder.mkdir()
        write_tone(folder / "tone.wav", tone)
        secure = ""
        if files is not None:
            pem = Path(files["certificate"]).read_text() + Path(files["key"]).read_text()
            (folder / "own.pem").write_text(pem)
            secure = SECURE.format(folder=folder, ca=files["ca"])
        modules = next((place for place in FOLDERS if Path(place).is_dir()), FOLDERS[0])
        values = {
            "modules": modules, "loaded": "\n".join(f"module {name}.so" for name in MODULES),
            "names": self._names.port, "folder": folder, "secure": secure,
            "below": port - 1 if files else port,
        }  # fmt: skip
        (folder / "config").write_text(CONFIG.format(**values))
        transport, encryption = ("tls", ";mediaenc=srtp-mand") if files else ("udp", "")
        account = ACCOUNT.format(own=own, transport=transport, encryption=encryption)
        (folder / "accounts").write_text(account)
        (folder / "contacts").write_text("")
        command = ["baresip", "-f", str(folder), "-t", str(seconds)]
        command += ["-e", f"/dial {call}"] if call else []
        with (folder / "log").open("w") as log:
            self._process = subprocess.Popen(
                command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )
        until = time.monotonic() + 10
        while "is ready" not in self.log and self._process.poll() is None and time.monotonic() < until:
            time.sleep(0.02)
        assert "is ready" in self.log, self.log

    @property
    def log(self) -> str:
        return (self._folder / "log").read_text(errors="replace")

    @property
    def record(self) -> Path:
        """What it heard."""
        (found,) = self._folder.glob("dump-*-dec.wav")
        return found

    def wait(self, timeout: float = 15) -> None:
        """Let its time be over."""
        self._process.wait(timeout)

    def stop(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._names.close()


def write_tone(path: Path, pitch: int, seconds: int = 10) -> None:
    """A WAV file of one tone. [Hz]"""
    sound = 8000 * np.sin(2 * np.pi * pitch * np.arange(8000 * seconds) / 8000)
    with wave.open(str(path), "wb") as opened:
        opened.setnchannels(1)
        opened.setsampwidth(2)
        opened.setframerate(8000)
        opened.writeframes(sound.astype("<i2").tobytes())
