"""Kamailio, an independent proxy, between the gateway and SIPp: TLS towards the gateway, UDP beyond."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

CONFIG = """#!KAMAILIO
debug=0
log_stderror=yes
children=1
tcp_children=1
auto_aliases=no
enable_tls=yes
listen=tls:127.0.0.1:{tls}
listen=udp:127.0.0.1:{udp}
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "rr.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "xlog.so"
loadmodule "uac.so"
loadmodule "tls.so"
modparam("tls", "config", "{folder}/tls.cfg")
modparam("xlog", "long_format", 0)

request_route {{
    xlog("L_ALERT", "heard $rm $pr $tls_version $tls_cipher_info $ct\\n");
    if (!mf_process_maxfwd_header("10")) {{
        sl_send_reply("483", "Too Many Hops");
        exit;
    }}
    if (is_method("OPTIONS")) {{
        route(ASKED);
        exit;
    }}
    if (has_totag()) {{
        if (!loose_route() && !t_check_trans()) {{
            sl_send_reply("404", "Not Here");
            exit;
        }}
        t_relay();
        exit;
    }}
    if (is_method("CANCEL")) {{
        t_relay();
        exit;
    }}
    record_route();
    if (proto == TLS) {{
        $du = "sip:127.0.0.1:{beyond}";
    }} else {{
        $du = "sip:127.0.0.1:{gateway};transport=tls";
    }}
    t_relay();
}}

# As Teams: no address in Contact, and whoever asks so is asked in turn.
route[ASKED] {{
    if (!($ct =~ "^<sip:trunk[.]example:[0-9]+;transport=tls>$")) {{
        sl_send_reply("403", "Forbidden");
        exit;
    }}
    sl_send_reply("200", "OK");
    $uac_req(method) = "OPTIONS";
    $uac_req(ruri) = "sip:trunk.example:{gateway};transport=tls";
    $uac_req(furi) = "sip:sip.pstnhub.microsoft.com";
    $uac_req(turi) = "sip:trunk.example";
    $uac_req(ouri) = "sip:127.0.0.1:{gateway};transport=tls";
    $uac_req(evroute) = 1;
    uac_req_send();
}}

event_route[uac:reply] {{
    xlog("L_ALERT", "answered $uac_req(evcode)\\n");
}}
"""
TLS = """[server:default]
method = TLSv1.2
verify_certificate = yes
require_certificate = yes
certificate = {certificate}
private_key = {key}
ca_list = {ca}
[client:default]
method = TLSv1.2
verify_certificate = yes
require_certificate = yes
certificate = {certificate}
private_key = {key}
ca_list = {ca}
"""


class Kamailio:
    """A proxy that runs.

    Parameters
    ----------
    files : certificate, key, ca; both sides of a connection show one
    tls, udp : ports that it listens on
    gateway : port that calls from UDP go to, over TLS
    beyond : port that calls from TLS go to, over UDP
    """

    def __init__(
        self, folder: Path, files: dict[str, str], tls: int, udp: int, gateway: int, beyond: int
    ) -> None:
        folder.mkdir()
        self._log = folder / "log"
        (folder / "tls.cfg").write_text(TLS.format(**files))
        config = folder / "kamailio.cfg"
        config.write_text(CONFIG.format(folder=folder, tls=tls, udp=udp, gateway=gateway, beyond=beyond))
        program = shutil.which("kamailio", path=f"{os.environ['PATH']}:/usr/sbin")
        assert program is not None, "Kamailio (Debian: kamailio, kamailio-tls-modules) is missing"
        command = [program, "-f", str(config), "-DD", "-E", "-m", "16", "-M", "4", "-Y", str(folder)]
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                command, cwd=folder, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
        until = time.monotonic() + 10
        while not _is_heard(tls) and self._process.poll() is None and time.monotonic() < until:
            time.sleep(0.05)
        assert self._process.poll() is None, self.log

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def stop(self) -> None:
        """End it, and those of its processes that outlive it."""
        if self._process.poll() is None:
            self._process.terminate()
        try:
            self._process.wait(5)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)


def _is_heard(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False
