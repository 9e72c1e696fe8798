"""`trunkrate gateway serve`: what keeps it from starting is said in one message."""

from __future__ import annotations

import subprocess
import sys

from running import free_port

SERVE = ["gateway", "serve", "--config", "gateway.yaml"]


def serve(folder, *before: str) -> subprocess.CompletedProcess[str]:
    program = "; ".join([*before, "from rating.cli import main", f"main({SERVE!r})"])
    command = [sys.executable, "-c", program]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=20)


def test_a_port_that_is_taken(gateway):
    running = gateway()
    settings = running.folder / "gateway.yaml"
    settings.write_text(settings.read_text().replace("spool/", "other/"))
    ended = serve(running.folder)
    assert ended.returncode == 2
    assert ended.stderr == (
        f"gateway.yaml: listen 'udp:127.0.0.1:{running.teams}' cannot be opened (Address already in use); "
        "expected a free address of this machine, and for tls: a certificate with its key. "
        "The gateway does not start. [GATEWAY-LISTEN]\n"
    )
    assert ended.stdout == ""


def test_a_spool_that_another_gateway_writes(gateway):
    running = gateway()
    settings = running.folder / "gateway.yaml"
    text = settings.read_text()
    for port in (running.teams, running.operator):
        text = text.replace(f":{port}", f":{free_port()}")
    settings.write_text(text)
    ended = serve(running.folder)
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
    assert "spool" in ended.stderr
    assert "The gateway does not start." in ended.stderr


def test_settings_with_faults(tmp_path):
    (tmp_path / "gateway.yaml").write_text("name: gw1\n")
    ended = serve(tmp_path)
    assert ended.returncode == 2
    assert "gateway.yaml:1: key 'teams' is missing" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_without_pjsua2_it_says_what_to_install(tmp_path):
    ended = serve(tmp_path, "import sys", "sys.modules['pjsua2'] = None")
    assert ended.returncode == 2
    assert ended.stderr == (
        "pjsua2: is not installed; expected pip install 'trunkrate[gateway]'. "
        "The gateway does not start. [GATEWAY-PJSUA]\n"
    )
