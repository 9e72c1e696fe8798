"""gateway.yaml: every key read, and each of them wrong."""

# ruff: noqa: E501 -- messages stand as a user reads them

from __future__ import annotations

import json
from ipaddress import ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lab import FILES

from rating.errors import Fault, GatewayError
from sipgw.answers import Refusal
from sipgw.settings import CAP_REFUSAL, Bursts, Limits, State
from sipgw.settings_file import load_settings

GOOD = (FILES / "gateway.yaml").read_text(encoding="utf-8")
TLS = "  tls: {certificate: cert.pem, key: key.pem, ca: ca.pem}\n"


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def load_text(text: str, name: str = "gateway.yaml"):
    Path(name).write_text(text, encoding="utf-8")
    return load_settings(name)


def faults(text: str) -> list[str]:
    with pytest.raises(GatewayError) as caught:
        load_text(text)
    return [str(fault) for fault in caught.value.faults]


def changed(old: str, new: str) -> str:
    assert GOOD.count(old) == 1, old
    return GOOD.replace(old, new)


def test_every_key_is_read():
    found = load_settings(FILES / "gateway.yaml")
    assert (found.name, found.accounts, found.tariffs) == (
        "gw1",
        FILES / "accounts.yaml",
        str(FILES / "book"),
    )
    assert found.spool == FILES / "spool"
    assert [str(listener) for listener in found.teams.listen] == ["tls:127.0.0.1:5061"]
    assert found.teams.fqdn == "trunk.example"
    assert found.teams.peers == tuple(f"sip{n}.pstnhub.microsoft.com" for n in ("", "2", "3"))
    assert found.teams.addresses == (ip_network("52.112.0.0/14"), ip_network("52.120.0.0/14"))
    tls = found.teams.tls
    assert (tls.certificate, tls.key, tls.ca) == (FILES / "cert.pem", FILES / "key.pem", FILES / "ca.pem")
    assert [str(listener) for listener in found.operator.listen] == ["udp:127.0.0.1:5060"]
    assert found.operator.next_hop == "sip:127.0.0.1:5080"
    assert found.operator.addresses == (ip_network("127.0.0.1/32"),)
    assert found.cap_refusal == CAP_REFUSAL
    assert found.limits == Limits(14_400, 120, 50_000_000, 2)
    assert found.state == State("postgresql://gw:secret@127.0.0.1/gw", "redis://127.0.0.1:6379/0")
    assert found.refusal_at_cap("t2") == Refusal(503, CAP_REFUSAL.reason)
    assert found.refusal_at_cap("t1") == CAP_REFUSAL


def test_what_may_be_left_out(here):
    text = GOOD[: GOOD.index("cap_refusal")]
    found = load_text(text)
    assert (found.cap_refusal, found.limits) == (CAP_REFUSAL, Limits(14_400, 120, None, 2))
    assert (found.state, found.trunk_refusals) == (State(None, None), {})
    assert load_text(text + "limits: {spend_per_day: null}\nstate:\ntrunks:\n  t1:\n") == found


def test_guards_and_metrics(here):
    found = load_text(GOOD)
    assert (found.limits.bursts, found.metrics) == (Bursts(400_000, 10, 600, 4, 480, 1140), None)
    assert [found.spend_per_day(trunk) for trunk in ("t1", "t2")] == [50_000_000, 50_000_000]
    bursts = "bursts: {price: 1.5, calls: 3, within: 90 s, calls_outside_hours: 1, hours: 00:00-24:00}"
    text = changed("reserve_legs: 2", f"reserve_legs: 2, {bursts}")
    text = text.replace("  t2: {", "  t1: {spend_per_day: none}\n  t3: {spend_per_day: 0.000001}\n  t2: {")
    found = load_text(text + 'metrics: "[::1]:9464"\n')
    assert found.limits.bursts == Bursts(1_500_000, 3, 90, 1, 0, 1440)
    assert [found.spend_per_day(trunk) for trunk in ("t1", "t2", "t3")] == [None, 50_000_000, 1]
    assert (str(found.metrics), found.trunk_refusals.keys()) == ("tcp:[::1]:9464", {"t2"})
    assert load_text(changed("reserve_legs: 2", "bursts: none")).limits.bursts is None


def test_passwords_are_in_no_repr():
    assert "secret" not in repr(load_settings(FILES / "gateway.yaml"))


def test_paths_are_beside_the_file_whatever_the_working_folder(here):
    (here / "conf").mkdir()
    found = load_text(GOOD.replace("tariffs: book", "tariffs: contract"), "conf/gateway.yaml")
    assert (str(found.accounts), str(found.spool)) == ("conf/accounts.yaml", "conf/spool")
    assert found.tariffs == "contract"
    (here / "conf" / "contract").mkdir()
    assert load_settings("conf/gateway.yaml").tariffs == "conf/contract"
    absolute = load_text(changed("accounts: accounts.yaml", "accounts: /etc/trunkrate/accounts.yaml"))
    assert str(absolute.accounts) == "/etc/trunkrate/accounts.yaml"


def test_addresses_of_the_other_family(here):
    text = changed("[udp:127.0.0.1:5060]", '["udp:[::1]:5060", udp:127.0.0.1:5060, "tcp:[::]:5060"]')
    found = load_text(text.replace("sip:127.0.0.1:5080", '"sip:[2001:db8::1];transport=tcp"'))
    assert [str(one) for one in found.operator.listen] == [
        "udp:[::1]:5060",
        "udp:127.0.0.1:5060",
        "tcp:[::]:5060",
    ]
    assert found.operator.next_hop == "sip:[2001:db8::1];transport=tcp"


OVER_TLS = changed("[udp:127.0.0.1:5060]", "[tls:127.0.0.1:5062]").replace(
    "sip:127.0.0.1:5080\n", "sip:sbc.operator.example;transport=tls\n" + TLS.replace("pem", "op")
)


def test_an_operator_over_tls(here):
    found = load_text(OVER_TLS)
    assert str(found.operator.listen[0]) == "tls:127.0.0.1:5062"
    tls = found.operator.tls
    assert (str(tls.certificate), str(tls.key), str(tls.ca)) == ("cert.op", "key.op", "ca.op")
    assert str(found.teams.tls.certificate) == "cert.pem"


def test_a_next_hop_without_a_port_is_heard_at_the_port_of_its_transport(here):
    text = OVER_TLS.replace("sip:sbc.operator.example", "sip:127.0.0.1")
    assert faults(text) == [
        "gateway.yaml:13: next_hop 'sip:127.0.0.1;transport=tls' is a listener of this gateway; expected where the operator hears SIP. [GATEWAY-HOP]"
    ]
    there = "sip:127.0.0.1:5060;transport=tls"
    assert load_text(text.replace("sip:127.0.0.1;transport=tls", there)).operator.next_hop == there


WRONG = [
    ("name: gw1\n", "", "gateway.yaml:1: key 'name' is missing; expected a value for name. [GATEWAY-KEY]"),
    ("gw1", '""', "gateway.yaml:1: name '' is no plain text; expected a text of one line, without spaces around it. [GATEWAY-VALUE]"),
    ("gw1", '"gw\\n1"', "gateway.yaml:1: name 'gw\\n1' is no plain text; expected a text of one line, without spaces around it. [GATEWAY-VALUE]"),
    ("gw1", "[gw1]", "gateway.yaml:1: name 'a list' is not a text; expected a text. [GATEWAY-VALUE]"),
    ("accounts: accounts.yaml\n", "", "gateway.yaml:1: key 'accounts' is missing; expected a value for accounts. [GATEWAY-KEY]"),
    ("accounts.yaml", '"a\\0b"', "gateway.yaml:2: accounts 'a\\x00b' is no plain text; expected a text of one line, without spaces around it. [GATEWAY-VALUE]"),
    ("tariffs: book", "tariffs: {a: b}", "gateway.yaml:3: tariffs 'a mapping' is not a text; expected a text. [GATEWAY-VALUE]"),
    ("tariffs: book\n", "", "gateway.yaml:1: key 'tariffs' is missing; expected a value for tariffs. [GATEWAY-KEY]"),
    ("spool: spool/\n", "spool: ~\n", "gateway.yaml:1: key 'spool' is missing; expected a value for spool. [GATEWAY-KEY]"),
    ("spool/", '" spool"', "gateway.yaml:4: spool ' spool' is no plain text; expected a text of one line, without spaces around it. [GATEWAY-VALUE]"),
    ("[tls:127.0.0.1:5061]", "[]", "gateway.yaml:6: listen 'a list' is empty; expected one entry or more. [GATEWAY-VALUE]"),
    ("[tls:127.0.0.1:5061]", "tls:127.0.0.1:5061", "gateway.yaml:6: listen 'tls:127.0.0.1:5061' is not a list; expected a list. [GATEWAY-VALUE]"),
    *(
        ("[tls:127.0.0.1:5061]", f'["{text}"]', f"gateway.yaml:6: listen '{text}' is no listener; expected udp: or tcp: or tls: with IP address and port, as udp:127.0.0.1:5060. [GATEWAY-LISTEN]")
        for text in ("tls:localhost:5061", "tls:127.0.0.1", "tls:127.0.0.1:0", "tls:127.0.0.1:65536", "tls:127.0.0.256:5061", "TLS:127.0.0.1:5061", "ws:127.0.0.1:5061", "tls:::1:5061", "127.0.0.1:5061", "tls::5061", "tls:127.0.0.1:٥٠٦١")
    ),
    ("fqdn: trunk.example", "fqdn: trunk", "gateway.yaml:7: fqdn 'trunk' is no FQDN; expected a full host name as sbc1.trunk.example. [GATEWAY-FQDN]"),
    ("fqdn: trunk.example", "fqdn: 10.0.0.1", "gateway.yaml:7: fqdn '10.0.0.1' is no FQDN; expected a full host name as sbc1.trunk.example. [GATEWAY-FQDN]"),
    ("fqdn: trunk.example", 'fqdn: "*.trunk.example"', "gateway.yaml:7: fqdn '*.trunk.example' is no FQDN; expected a full host name as sbc1.trunk.example. [GATEWAY-FQDN]"),
    ("fqdn: trunk.example", "fqdn: élan.example", "gateway.yaml:7: fqdn 'élan.example' is no FQDN; expected a full host name as sbc1.trunk.example. [GATEWAY-FQDN]"),
    ("sip2.pstnhub.microsoft.com", "52.112.0.1", "gateway.yaml:8: peers '52.112.0.1' is no FQDN; expected a full host name as sbc1.trunk.example. [GATEWAY-FQDN]"),
    ("52.120.0.0/14", "52.120.0.1/14", "gateway.yaml:9: addresses '52.120.0.1/14' has bits beyond its prefix; expected addresses as 52.112.0.0/14 or 127.0.0.1. [GATEWAY-ADDRESS]"),
    ("52.120.0.0/14", "microsoft.com", "gateway.yaml:9: addresses 'microsoft.com' is no network; expected addresses as 52.112.0.0/14 or 127.0.0.1. [GATEWAY-ADDRESS]"),
    ("52.120.0.0/14", "52.120.0.0/33", "gateway.yaml:9: addresses '52.120.0.0/33' is no network; expected addresses as 52.112.0.0/14 or 127.0.0.1. [GATEWAY-ADDRESS]"),
    ("[127.0.0.1/32]", "[]", "gateway.yaml:14: addresses 'a list' is empty; expected one entry or more. [GATEWAY-VALUE]"),
    (TLS, "", "gateway.yaml:6: key 'tls' is missing; expected certificate, key and ca of a tls: listener. [GATEWAY-TLS]"),
    ("key: key.pem, ", "", "gateway.yaml:10: key 'key' is missing; expected a value for key. [GATEWAY-KEY]"),
    ("certificate: cert.pem", 'certificate: ""', "gateway.yaml:10: certificate '' is no plain text; expected a text of one line, without spaces around it. [GATEWAY-VALUE]"),
    ("ca: ca.pem", "ca: [ca.pem]", "gateway.yaml:10: ca 'a list' is not a text; expected a text. [GATEWAY-VALUE]"),
    ("udp:127.0.0.1:5060", "sctp:127.0.0.1:5060", "gateway.yaml:12: listen 'sctp:127.0.0.1:5060' is no listener; expected udp: or tcp: or tls: with IP address and port, as udp:127.0.0.1:5060. [GATEWAY-LISTEN]"),
    ("[udp:127.0.0.1:5060]", "[udp:127.0.0.1:5060, tls:127.0.0.1:5062]", "gateway.yaml:12: key 'tls' is missing; expected certificate, key and ca of a tls: listener. [GATEWAY-TLS]"),
    ("[udp:127.0.0.1:5060]", "[udp:127.0.0.1:5060, udp:127.0.0.1:5060]", "gateway.yaml:12: listen 'udp:127.0.0.1:5060' cannot listen beside udp:127.0.0.1:5060; expected another port or address for each listener. [GATEWAY-LISTEN]"),
    ("[udp:127.0.0.1:5060]", "[udp:127.0.0.1:5060, tcp:0.0.0.0:5061]", "gateway.yaml:12: listen 'tcp:0.0.0.0:5061' cannot listen beside tls:127.0.0.1:5061; expected another port or address for each listener. [GATEWAY-LISTEN]"),
    *(
        ("sip:127.0.0.1:5080", f'"{text}"', f"gateway.yaml:13: next_hop '{text}' is no SIP URI; expected sip: with host and port, as sip:127.0.0.1:5080 or sip:sbc.operator.example;transport=tcp. [GATEWAY-HOP]")
        for text in ("127.0.0.1:5080", "sips:127.0.0.1:5080", "sip:me@127.0.0.1", "sip:127.0.0.1:0", "sip:127.0.0.1:99999", "sip:::1", "sip:[::1", "sip:a b", "sip:", "sip:127.0.0.1;transport=sctp", "sip:127.0.0.1;transport=TLS", "sip:127.0.0.1 ", "sip:1.2.3")
    ),
    *(
        ("sip:127.0.0.1:5080", f'"{text}"', f"gateway.yaml:13: next_hop '{text}' is reached by no listener of its leg; expected {expected} there. [GATEWAY-HOP]")
        for text, expected in (
            ("sip:sbc.operator.example;transport=tls", "a tls: listener"),
            ("sip:127.0.0.1:5080;transport=tcp", "a tcp: listener with an IPv4 address"),
            ("sip:[::1]:5080", "a udp: listener with an IPv6 address"),
        )
    ),
    (TLS, TLS + '  next_hops: ["sip:localhost:5090;transport=tls", "sip:localhost:5091"]\n', "gateway.yaml:11: next_hops 'sip:localhost:5091' is reached by no listener of its leg; expected a udp: listener there. [GATEWAY-HOP]"),
    ("sip:127.0.0.1:5080", "sip:127.0.0.1", "gateway.yaml:13: next_hop 'sip:127.0.0.1' is a listener of this gateway; expected where the operator hears SIP. [GATEWAY-HOP]"),
    ("cap_refusal: {code: 486,", "cap_refusal: {code: 200,", "gateway.yaml:15: code '200' is out of range; expected a whole number from 400 to 699. [GATEWAY-REFUSAL]"),
    ("cap_refusal: {code: 486,", "cap_refusal: {code: busy,", "gateway.yaml:15: code 'busy' is no whole number; expected a whole number from 400 to 699. [GATEWAY-REFUSAL]"),
    ("cap_refusal: {code: 486,", "cap_refusal: {", "gateway.yaml:15: key 'code' is missing; expected a value for code. [GATEWAY-KEY]"),
    ("cap_refusal: {code: 486,", "cap_refusal: {code: 486, retry: 1,", "gateway.yaml:15: key 'retry' is unknown; expected one of code, reason. [GATEWAY-KEY]"),
    ("max_call: 4 h", "max_call: 4", "gateway.yaml:16: max_call '4' is no length of time; expected more than 0 s and at most 24 h, as 4 h. [GATEWAY-LIMIT]"),
    ("max_call: 4 h", "max_call: 25 h", "gateway.yaml:16: max_call '25 h' is out of range; expected more than 0 s and at most 24 h, as 4 h. [GATEWAY-LIMIT]"),
    ("max_call: 4 h", "max_call: 0 s", "gateway.yaml:16: max_call '0 s' is out of range; expected more than 0 s and at most 24 h, as 4 h. [GATEWAY-LIMIT]"),
    ("no_answer: 120 s", "no_answer: -1 s", "gateway.yaml:16: no_answer '-1 s' is no length of time; expected more than 0 s and at most 1 h, as 120 s. [GATEWAY-LIMIT]"),
    *(
        ("spend_per_day: 50.00", f"spend_per_day: {text}", f"gateway.yaml:16: spend_per_day '{text}' is no amount; expected a decimal >= 0 and < 1000000000 with at most 6 decimals, as 50.00. [GATEWAY-LIMIT]")
        for text in ("-1", "1e3", "1000000000", "0.0000001", "50 EUR", ".5", "1.", "nan")
    ),
    ("reserve_legs: 2", "reserve_legs: -2", "gateway.yaml:16: reserve_legs '-2' is out of range; expected a whole number from 0 to 1000. [GATEWAY-LIMIT]"),
    ("reserve_legs: 2", "reserve_legs: 2, spend: 1", "gateway.yaml:16: key 'spend' is unknown; expected one of max_call, no_answer, spend_per_day, reserve_legs, bursts. [GATEWAY-KEY]"),
    *(
        ("postgresql://gw:secret@127.0.0.1/gw", text, "gateway.yaml:17: dialogs is no URL of its kind; expected postgresql:// with a host. [GATEWAY-STATE]")
        for text in ("mysql://gw:secret@127.0.0.1/gw", "postgresql:", "postgresql://", "postgresql://gw:secret@[::1/gw", "postgresql://h:port/x", "secret")
    ),
    *(
        ("reserve_legs: 2", f"reserve_legs: 2, bursts: {{{key}: {text}}}", f"gateway.yaml:16: {key} '{text}' {problem} [GATEWAY-LIMIT]")
        for key, text, problem in (
            ("price", "-1", "is no amount; expected a decimal >= 0 and < 1000000000 with at most 6 decimals, as 50.00."),
            ("calls", "0", "is out of range; expected a whole number from 1 to 100000."),
            ("calls_outside_hours", "x", "is no whole number; expected a whole number from 1 to 100000."),
            ("within", "10", "is no length of time; expected more than 0 s and at most 24 h, as 10 min."),
            ("hours", "19:00-08:00", "are no office hours; expected two times of one day, as 08:00-19:00."),
            ("hours", "08:00-24:01", "are no office hours; expected two times of one day, as 08:00-19:00."),
            ("hours", "8-19", "are no office hours; expected two times of one day, as 08:00-19:00."),
        )
    ),
    ("reserve_legs: 2", "reserve_legs: 2, bursts: off", "gateway.yaml:16: bursts 'off' is not a mapping; expected a mapping of keys and values. [GATEWAY-VALUE]"),
    ("  t2: {", "  t2: {spend_per_day: 1e3, ", "gateway.yaml:19: spend_per_day '1e3' is no amount; expected a decimal >= 0 and < 1000000000 with at most 6 decimals, as 50.00. [GATEWAY-LIMIT]"),
    *(
        ("name: gw1\n", f'name: gw1\nmetrics: "{text}"\n', f"gateway.yaml:2: metrics '{text}' {problem} [GATEWAY-METRICS]")
        for text, problem in (
            ("0.0.0.0:9464", "can be reached from other machines; expected a loopback address and port."),
            ("localhost:9464", "is no address and port; expected a loopback address and port, as 127.0.0.1:9464."),
            ("127.0.0.1:0", "is no address and port; expected a loopback address and port, as 127.0.0.1:9464."),
            ("127.0.0.1:5061", "is where SIP is heard; expected a port of its own."),
        )
    ),
    ("redis://127.0.0.1:6379/0", "http://127.0.0.1", "gateway.yaml:17: channels is no URL of its kind; expected redis:// with a host. [GATEWAY-STATE]"),
    ("state: {", "state: {calls: x, ", "gateway.yaml:17: key 'calls' is unknown; expected one of dialogs, channels. [GATEWAY-KEY]"),
    ("t2: {cap_refusal:", "t2: {refusal:", "gateway.yaml:19: key 'refusal' is unknown; expected one of cap_refusal, spend_per_day. [GATEWAY-KEY]"),
    ("{code: 503,", "{code: 99,", "gateway.yaml:19: code '99' is out of range; expected a whole number from 400 to 699. [GATEWAY-REFUSAL]"),
    ("  t2: {", "  t2: {}\n  t2: {", "gateway.yaml:20: key 't2' occurs twice in one mapping; expected each key once. [GATEWAY-KEY]"),
    ("teams:\n", "color: red\nteams:\n", "gateway.yaml:5: key 'color' is unknown; expected one of name, accounts, tariffs, spool, teams, operator, cap_refusal, limits, state, trunks, metrics. [GATEWAY-KEY]"),
    ("  fqdn: trunk.example\n", "", "gateway.yaml:6: key 'fqdn' is missing; expected a value for fqdn. [GATEWAY-KEY]"),
    ("  next_hop: sip:127.0.0.1:5080\n", "", "gateway.yaml:12: key 'next_hop' is missing; expected a value for next_hop. [GATEWAY-KEY]"),
    ("  next_hop", "  peers: []\n  next_hop", "gateway.yaml:13: key 'peers' is unknown; expected one of listen, next_hop, addresses, tls. [GATEWAY-KEY]"),
    ("  next_hop", "  tls: {key: a, ca: b}\n  next_hop", "gateway.yaml:13: key 'certificate' is missing; expected a value for certificate. [GATEWAY-KEY]"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "message"), WRONG, ids=lambda text: text[-40:])
def test_wrong_values(here, old, new, message):
    assert faults(changed(old, new)) == [message]


@pytest.mark.parametrize(
    "reason",
    [
        "no channel",
        "Q.850;cause=34;text=No channel",
        'Q.850;cause=34;text="a"b"',
        'Q.850;cause=34;text="a\\"b"',
        'Q.850;cause=34;text="é"',
        "Q.850",
        "X;cause=1",
        'Q.850;cause=34;text="' + "x" * 200 + '"',
    ],
)
def test_reasons_that_are_no_header(here, reason):
    text = GOOD[: GOOD.index("cap_refusal")] + f"cap_refusal: {{code: 486, reason: {json.dumps(reason)}}}\n"
    (found,) = faults(text)
    assert found.endswith(
        'is no Reason header; expected a Reason header as Q.850;cause=34;text="No circuit/channel available", in ASCII. [GATEWAY-REFUSAL]'
    )


@pytest.mark.parametrize("reason", ["", 'Q.850;cause=34;text="x"\r\nX-Evil: 1'])
def test_reasons_that_are_no_line(here, reason):
    text = GOOD[: GOOD.index("cap_refusal")] + f"cap_refusal: {{code: 486, reason: {json.dumps(reason)}}}\n"
    (found,) = faults(text)
    assert found.endswith(
        "is no plain text; expected a text of one line, without spaces around it. [GATEWAY-VALUE]"
    )


def test_all_faults_come_in_one_pass(here):
    text = changed("name: gw1", "name: []").replace("5061", "0").replace("max_call: 4 h", "max_call: x")
    assert [line.split(":")[1] for line in faults(text)] == ["1", "6", "16"]


@pytest.mark.parametrize(
    "text", ["", "[]", "teams", "name: [", "\x00", "teams: {listen: [[[[[[x", "a: &a [*a]"]
)
def test_files_that_are_none_of_it(here, text):
    for message in faults(text):
        assert message.startswith("gateway.yaml")
        assert "[GATEWAY-" in message


def test_file_that_is_not_there(here):
    with pytest.raises(GatewayError, match=r"nowhere.yaml: cannot be read .*\[GATEWAY-FILE\]"):
        load_settings("nowhere.yaml")


@pytest.mark.parametrize("key", ["teams", "operator", "cap_refusal", "limits", "state", "trunks"])
def test_mappings_that_are_none(here, key):
    start = GOOD.index(f"\n{key}:") + 1
    rest = GOOD[start:].split("\n")
    end = next((i for i, line in enumerate(rest[1:], 1) if not line.startswith("  ")), len(rest))
    text = GOOD[:start] + f"{key}: [x]\n" + "\n".join(rest[end:])
    found = faults(text)
    assert any("'a list' is not a mapping; expected a mapping of keys and values." in line for line in found)


scalars = st.sampled_from(["~", '""', "x", "-1", "0", "[]", "{}", "[x]", "{x: y}", '"\\0"', "1e9", "é", "?"])


@given(st.data())
def test_any_value_anywhere_is_read_or_refused_in_words(tmp_path_factory, data):
    lines = GOOD.splitlines()
    at = data.draw(st.integers(0, len(lines) - 1))
    key, colon, _ = lines[at].partition(": ")
    lines[at] = key + colon + data.draw(scalars) if colon else lines[at]
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_text("\n".join(lines), encoding="utf-8")
    found: list[Fault] = []
    try:
        load_settings(path)
    except GatewayError as error:
        found = error.faults
    assert all(fault.line or fault.code == "GATEWAY-FILE" for fault in found)
