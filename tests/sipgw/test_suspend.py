"""`trunkrate trunk` and `gateway status` against a process that runs, and where none does."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import time
import urllib.request
from contextlib import ExitStack

import pytest
from hosted import ABROAD, TRUNKRATE, trunkrate
from lab import FILES

from sipgw.control import NoGateway, ask


def records(folder):
    return [json.loads(line) for line in (folder / "spool/state/suspensions.jsonl").read_text().splitlines()]


def test_suspend_acts_at_once_drops_calls_but_no_emergency_and_is_recorded(folder, start):
    gateway = start()
    assert [gateway.attempt("a"), gateway.attempt("b", b_number=ABROAD)] == ["admitted", "admitted"]
    assert gateway.attempt("sos", b_number="15") == "emergency"
    found = trunkrate(folder, "trunk", "suspend", "t1", "--why", "stolen", "--who", "alice", "--drop-calls")
    assert found == (0, "t1 is suspended (all). Calls that were up: 2 ended.\n", "")
    assert gateway.do("calls") == ["sos"]
    assert [gateway.attempt("c"), gateway.attempt("d", side="operator")] == ["suspended", "suspended"]
    assert gateway.attempt("sos2", b_number="112") == "emergency"
    gateway.do("end", leg="sos2")
    (line,) = records(folder)
    time_of = line.pop("time")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", time_of)
    expected = {"act": "suspend", "trunk_id": "t1", "who": "alice", "why": "stolen", "scope": "all"}
    assert line == {**expected, "drop_calls": True}
    code, told, _ = trunkrate(folder, "trunk", "resume", "t1", "--why", "changed", "--who", "bob")
    assert (code, told) == (0, "t1 is resumed (all).\n")
    assert gateway.attempt("e") == "admitted"


def test_scopes(folder, start):
    gateway = start()
    gateway.attempt("in", side="operator")
    gateway.attempt("abroad", b_number=ABROAD)
    words = ("trunk", "suspend", "t1", "--why", "x", "--drop-calls", "--scope")
    assert trunkrate(folder, *words, "international")[1] == (
        "t1 is suspended (international). Calls that were up: 1 ended.\n"
    )
    assert gateway.do("calls") == ["in"]
    assert gateway.attempt("f", b_number=ABROAD) == "suspended"
    assert gateway.attempt("g", b_number="+33353019999") == "admitted"
    assert trunkrate(folder, *words, "outbound")[1] == (
        "t1 is suspended (outbound). Calls that were up: 1 ended.\n"
    )
    assert gateway.do("calls") == ["in"]
    assert gateway.attempt("h") == "suspended"
    assert trunkrate(folder, "trunk", "resume", "t1", "--why", "x")[1] == (
        "t1 is resumed (international, outbound).\n"
    )
    assert gateway.attempt("i", b_number=ABROAD) == "admitted"


def test_a_kill_does_not_end_a_suspension(folder, start):
    gateway = start()
    trunkrate(folder, "trunk", "suspend", "t1", "--why", "x")
    gateway.kill()
    assert (folder / "spool/state/control.sock").exists()
    after = start()
    assert after.first == "ready"
    assert [after.attempt("a"), after.attempt("sos", b_number="15")] == ["suspended", "emergency"]
    assert trunkrate(folder, "trunk", "resume", "t1", "--why", "y")[0] == 0
    after.kill()
    assert start().attempt("a") == "admitted"


def test_without_a_gateway_it_is_recorded_for_its_start(folder, start):
    code, out, err = trunkrate(folder, "trunk", "suspend", "t1", "--why", "x", "--who", "root")
    assert (code, out) == (1, "")
    assert err == (
        "gateway.yaml: no gateway runs on this spool. Recorded in spool/state/suspensions.jsonl: "
        "it takes effect when a gateway looks.\n"
    )
    assert (folder / "spool/state/suspensions.jsonl").stat().st_mode & 0o777 == 0o600
    gateway = start()
    assert gateway.attempt("a") == "suspended"


def test_a_line_that_another_program_adds_acts_within_a_second(folder, start):
    gateway = start()
    gateway.attempt("a")
    line = {
        "time": "2026-10-05T10:00:00+02:00",
        "act": "suspend",
        "trunk_id": "t1",
        "who": "é",
        "why": "\u202e",
    }
    with (folder / "spool/state/suspensions.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps({**line, "who": "é", "drop_calls": True}) + "\n")
    deadline = time.monotonic() + 1
    while gateway.do("calls") and time.monotonic() < deadline:
        time.sleep(0.05)
    assert gateway.do("calls") == []
    assert gateway.attempt("b") == "suspended"


def test_suspends_at_once_are_all_recorded(folder, start):
    gateway = start()
    commands = [
        subprocess.Popen([TRUNKRATE, "trunk", "suspend", trunk, "--why", f"{n}"], cwd=folder)
        for n, trunk in enumerate(["t1", "t1", "t2", "t3"])
    ]
    assert [command.wait(60) for command in commands] == [0] * 4
    assert sorted(line["why"] for line in records(folder)) == ["0", "1", "2", "3"]
    assert gateway.attempt("a") == "suspended"


@pytest.mark.parametrize("runs", [True, False])
@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ("t9", "--why", "x"),
            "trunk 't9' is unknown; expected the id of a trunk of accounts: t1, t2, t3, t4, t5. ",
        ),
        (("t1", "--why", " "), "why is no text of 1 to 500 characters. "),
        (("t1", "--why", "x" * 501), "why is no text of 1 to 500 characters. "),
    ],
)
def test_wrong_orders_record_nothing(folder, start, runs, words, told):
    if runs:
        start()
    for order in ("suspend", "resume", "lift"):
        assert trunkrate(folder, "trunk", order, *words) == (
            2, "", told + "Nothing was recorded. [TRUNK-ORDER]\n"
        )  # fmt: skip
    assert not (folder / "spool/state/suspensions.jsonl").exists()


def test_resume_says_that_accounts_still_suspend(folder, start):
    accounts = folder / "accounts.yaml"
    text = accounts.read_text(encoding="utf-8").replace(
        "    channels: 2\n", "    channels: 2\n    suspensions: [{}]\n"
    )
    accounts.write_text(text, encoding="utf-8")
    start()
    code, out, err = trunkrate(folder, "trunk", "resume", "t2", "--why", "x")
    assert (code, out) == (1, "t2 is resumed (it was not suspended by command).\n")
    assert err == "t2: the accounts file still suspends it (all); edit it there.\n"


def test_a_second_gateway_is_refused(folder, start):
    gateway = start()
    other = start()
    assert other.first == ""
    _, err = other.stop()
    assert err == (
        "spool: another process writes there; expected a folder for this gateway alone. "
        "The gateway does not start. [SPOOL-LOCK]\n"
    )
    assert trunkrate(folder, "trunk", "suspend", "t1", "--why", "x")[0] == 0
    gateway.stop()
    assert not (folder / "spool/state/control.sock").exists()
    assert start().first == "ready"


def test_the_socket_is_for_its_user_alone_however_long_its_path(folder, start):
    text = (folder / "gateway.yaml").read_text(encoding="utf-8")
    spool = "/".join(["a" * 60] * 3)
    (folder / spool).parent.mkdir(parents=True)
    (folder / "gateway.yaml").write_text(text.replace("spool/", spool), encoding="utf-8")
    start()
    path = folder / spool / "state/control.sock"
    assert len(str(path)) > 108
    assert path.stat().st_mode & 0o777 == 0o600
    assert trunkrate(folder, "gateway", "status")[0] == 0


HOSTILE = [
    b"", b"{", b"[]", b"null", b"\xff\xfe", b'"status"', b"[" * 60_000, b'{"a":' * 9_000,
    b"1" * 60_000,
    b'{"order": []}', b'{"order": "rm -rf"}', b'{"order": "suspend"}', b'{"order": "suspend", "trunk_id": 1}',
    b'{"order": "suspend", "trunk_id": "\\ud800", "who": "x", "why": "x"}',
    b'{"order": "suspend", "trunk_id": "t1", "who": "x", "why": "x", "scope": ["all"]}',
    b'{"order": "suspend", "trunk_id": "t1", "who": "x", "why": "x", "drop_calls": 1}',
    b"x" * 70_000,
]  # fmt: skip


def test_hostile_requests(folder, start):
    gateway = start()
    folder_of_state = folder / "spool/state"
    for request in HOSTILE:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(10)
            connection.connect(f"{os.path.relpath(folder_of_state)}/control.sock")
            connection.sendall(request + b"\n")
            answer = json.loads(connection.makefile("rb").readline())
        assert list(answer) == ["error"], request[:40]
        assert "fault of the gateway" not in answer["error"]
    assert gateway.attempt("a") == "admitted"
    assert not (folder_of_state / "suspensions.jsonl").exists()


def test_clients_that_say_nothing_keep_nobody_waiting_for_long(folder, start):
    start()
    with ExitStack() as silent:
        for _ in range(8):
            connection = silent.enter_context(socket.socket(socket.AF_UNIX))
            connection.connect(f"{os.path.relpath(folder)}/spool/state/control.sock")
        assert ask(folder / "spool/state", {"order": "status"}, 8)["gateway"] == "gw1"


def test_a_gateway_that_hangs_is_told_and_the_line_waits_for_it(folder, start):
    gateway = start()
    gateway.process.send_signal(signal.SIGSTOP)
    with pytest.raises(NoGateway, match="does not answer in time"):
        ask(folder / "spool/state", {"order": "status"}, 0.3)
    code, _, err = trunkrate(folder, "trunk", "suspend", "t1", "--why", "x")
    assert code == 1
    assert err.startswith("gateway.yaml: the gateway does not answer in time. Recorded in ")
    gateway.process.send_signal(signal.SIGCONT)
    time.sleep(0.5)
    assert gateway.attempt("a") == "suspended"


def test_no_gateway_no_status(folder):
    assert trunkrate(folder, "gateway", "status") == (
        2, "", "gateway.yaml: no gateway runs on this spool. Nothing was shown. [GATEWAY-STATUS]\n"
    )  # fmt: skip


def test_status_shows_trunks_calls_decisions_and_options(folder, start):
    gateway = start()
    gateway.attempt("a")
    gateway.do("answer", leg="a")
    gateway.attempt("b", side="operator", b_number="+33353010210")
    gateway.attempt("c", b_number="\x1b[2J")
    gateway.do("options")
    trunkrate(folder, "trunk", "suspend", "t2", "--why", "\x1b[31mred", "--who", "alice")
    code, out, err = trunkrate(folder, "gateway", "status")
    assert (code, err) == (0, "")
    out = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME", re.sub("process [0-9]+", "process N", out))
    assert re.sub("0:00:0[0-9]", "0:00:00", out).splitlines() == [
        "gw1, process N, since TIME",
        "5 trunks, 2 of 8 channels used, 2 calls up",
        "",
        "trunk             used   free  spent today",
        "t2                   1      1  -",
        "  suspended  all since TIME by alice: ?[31mred",
        "t1                   1      2  -",
        "  sites      paris 1/2, lyon 0/1, cave 0/0",
        "",
        "call up           direction  called             age      talk",
        "t1                outbound   +33353019999     0:00:00   0:00:00",
        "t2                inbound    +33353010210     0:00:00   ringing",
        "",
        "decisions since the start",
        "  admitted                 2",
        "  unreadable               1",
        "",
        "last OPTIONS",
        "  sip.pstnhub.microsoft.com     sent      0:00:00 ago, answered 200",
    ]
    found = json.loads(trunkrate(folder, "gateway", "status", "--json")[1])
    assert [(one["trunk_id"], one["used"], one["free"]) for one in found["trunks"]][:2] == [
        ("t1", 1, 2),
        ("t2", 1, 1),
    ]
    assert found["decisions"] == {"admitted": 2, "unreadable": 1}


def test_status_watch_looks_again_until_interrupted(folder, start):
    start()
    command = [TRUNKRATE, "gateway", "status", "--watch", "--json"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as watch:
        looks = [json.loads(watch.stdout.readline()) for _ in range(2)]
        watch.send_signal(signal.SIGINT)
        assert watch.communicate(timeout=30)[1] == b""
    assert (looks[0]["time"] < looks[1]["time"], watch.returncode) == (True, 0)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_prometheus_reads_the_same(folder, start):
    port = free_port()
    with (folder / "gateway.yaml").open("a", encoding="utf-8") as file:
        file.write(f"metrics: 127.0.0.1:{port}\n")
    gateway = start()
    gateway.attempt("a")
    gateway.attempt("b", b_number="alice")
    gateway.do("options")
    trunkrate(folder, "trunk", "suspend", "t2", "--why", "x", "--scope", "outbound")
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as page:
        shown = page.read().decode().splitlines()
    for line in (
        'trunkrate_channels{trunk="t1"} 3.0',
        'trunkrate_channels_used{trunk="t1"} 1.0',
        'trunkrate_trunk_suspended{scope="outbound",trunk="t2"} 1.0',
        'trunkrate_calls_up{direction="outbound"} 1.0',
        'trunkrate_decisions_total{rule="admitted"} 1.0',
        'trunkrate_decisions_total{rule="unreadable"} 1.0',
        "trunkrate_state_faults 0.0",
    ):
        assert line in shown
    assert any(
        line.startswith('trunkrate_options_age_seconds{code="200",peer="sip.pstnhub') for line in shown
    )


def test_a_taken_metrics_port(folder, start):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with (folder / "gateway.yaml").open("a", encoding="utf-8") as file:
            file.write(f"metrics: 127.0.0.1:{port}\n")
        other = start()
        assert other.first == ""
        assert other.stop()[1] == (
            f"metrics '127.0.0.1:{port}' cannot be listened on (Address already in use); expected a free "
            "port. The gateway does not start. [GATEWAY-METRICS]\n"
        )


def test_the_files_of_the_tests_are_untouched():
    assert not (FILES / "spool").exists()
