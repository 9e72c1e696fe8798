"""`trunkrate gateway check`: the file, what it names, the certificates."""

# ruff: noqa: E501 -- messages stand as a user reads them

from __future__ import annotations

import builtins
import json
import os
import subprocess
import sys
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography.x509.oid import ExtendedKeyUsageOID
from lab import TODAY, copy_of_files, write_certificate, write_key

from rating.cli import main
from sipgw.check import check_gateway

WARN = "Only a warning."
STOP = "The gateway does not start."


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The files of the lab without what they have for other tests, and a certificate; no warning."""
    copy_of_files(tmp_path)
    monkeypatch.chdir(tmp_path)
    edit("accounts.yaml", '"+33536490004..+33536490008"', '"+33536490005..+33536490008"')
    edit("accounts.yaml", '      - {id: cave, channels: 0, numbers: ["+33199000114"]}\n', "")
    return tmp_path


def edit(name: str, old: str, new: str) -> None:
    text = Path(name).read_text(encoding="utf-8")
    assert text.count(old) == 1, old
    Path(name).write_text(text.replace(old, new), encoding="utf-8")


def check(*options: str) -> tuple[int, list[str]]:
    result = CliRunner().invoke(
        main, ["gateway", "check", "--config", "gateway.yaml", "--today", "2026-10-05", *options]
    )
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.stderr == ""
    return result.exit_code, result.stdout.splitlines()


def warned() -> list[str]:
    code, lines = check("--all")
    assert code == (1 if lines[:-1] else 0)
    count = len(lines) - 1
    assert lines[-1] == f"gateway.yaml: 0 errors, {count} warning{'s' * (count != 1)}"
    assert all(f" {WARN} [GATEWAY-WARN-" in line for line in lines[:-1])
    return [line.replace(f" {WARN}", "") for line in lines[:-1]]


def stopped() -> list[str]:
    code, lines = check()
    assert code == 2
    assert all(f" {STOP} [" in line for line in lines[:-1])
    return [line.replace(f" {STOP}", "") for line in lines[:-1]]


def test_a_clean_gateway(here):
    assert check() == (0, ["gateway.yaml: 0 errors, 0 warnings"])
    assert sorted(os.listdir(here)) == sorted(
        ["accounts.yaml", "book", "ca.pem", "cert.pem", "gateway.yaml", "key.pem"]
    )


def test_the_file_itself(here):
    edit("gateway.yaml", "max_call: 4 h", "max_call: 4")
    assert check() == (
        2,
        [
            f"gateway.yaml:16: max_call '4' is no length of time; expected more than 0 s and at most 24 h, as 4 h. {STOP} [GATEWAY-LIMIT]",
            "gateway.yaml: 1 error; warnings come when there is none",
        ],
    )


def test_all_that_it_names_is_wrong_at_once(here):
    edit("accounts.yaml", "customer: gamma", "customer: gama")
    edit("book/book.yaml", "[barred, satellite]", "[barred, satelite, emergency]")
    edit("gateway.yaml", "spool: spool/", "spool: accounts.yaml")
    Path("cert.pem").unlink()
    Path("key.pem").write_text("-----BEGIN nothing\n")
    assert stopped() == [
        "accounts.yaml:34: customer 'gama' is unknown; expected a customer's id: alpha, beta, delta, epsilon, gamma. [ACCOUNTS-CUSTOMER]",
        "book/book.yaml:4: barred_classes 'emergency' is never barred; expected classes of other numbers. [TARIFF-CLASSES]",
        "book/book.yaml:4: barred_classes 'satelite' is unknown; expected a class of the deck: barred, emergency, fr_fixed, fr_free, fr_mobile, fr_overseas_fixed, fr_overseas_mobile, fr_premium, fr_shared, fr_short, international, satellite. [TARIFF-CLASSES]",
        "gateway.yaml:4: spool 'accounts.yaml' is no folder; expected a folder, or a name in one. [GATEWAY-SPOOL]",
        "gateway.yaml:10: certificate 'cert.pem' cannot be read (No such file or directory); expected a readable file. [GATEWAY-TLS]",
        "gateway.yaml:10: key 'key.pem' is no PEM private key without passphrase; expected a PEM private key without passphrase. [GATEWAY-TLS]",
    ]


@contextmanager
def nobody_special(folder: Path):
    """Root may write everywhere: be another user for a while, who owns all files but the folders."""
    is_root = os.geteuid() == 0
    if is_root:
        folder.chmod(0o755)
        for path in folder.glob("*.pem"):
            os.chown(path, 65534, 65534)
        os.seteuid(65534)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)


def test_no_file(here):
    result = CliRunner().invoke(main, ["gateway", "check", "--config", "nowhere.yaml", "--json"])
    (error,) = json.loads(result.stdout)["errors"]
    assert (result.exit_code, error["file"], error["line"], error["code"]) == (
        2,
        "nowhere.yaml",
        None,
        "GATEWAY-FILE",
    )


def test_json_holds_everything(here):
    edit("gateway.yaml", "udp:127.0.0.1:5060", "udp:192.0.2.1:5060")
    code, lines = check("--json")
    record = json.loads("\n".join(lines))
    assert code == 1
    assert record["errors"] == []
    assert [(one["line"], one["value"], one["code"]) for one in record["warnings"]] == [
        (12, "udp:192.0.2.1:5060", "GATEWAY-WARN-LISTEN")
    ]


def test_listeners_and_addresses_that_are_open_to_many(here):
    edit("gateway.yaml", "[tls:127.0.0.1:5061]", '[tls:0.0.0.0:5061, "udp:[::1]:5070"]')
    edit("gateway.yaml", "[127.0.0.1/32]", "[127.0.0.1/32, 0.0.0.0/0, 11.0.0.0/8, 2000::/3]")
    expected = "expected a loopback address, or a firewall in front. [GATEWAY-WARN-LISTEN]"
    assert warned() == [
        "gateway.yaml:6: listen 'tls:0.0.0.0:5061' can be reached from other machines; " + expected,
        "gateway.yaml:6: listen 'udp:[::1]:5070' is not TLS: Teams does not call on it, and who calls on it shows no certificate; expected tls: listeners. [GATEWAY-WARN-LISTEN]",
        "gateway.yaml:14: addresses '0.0.0.0/0' lets in a good part of the Internet; expected the networks of the peers alone. [GATEWAY-WARN-ADDRESS]",
        "gateway.yaml:14: addresses '2000::/3' lets in a good part of the Internet; expected the networks of the peers alone. [GATEWAY-WARN-ADDRESS]",
    ]


def test_trunks_that_no_call_can_use(here):
    edit("accounts.yaml", "channels: 2\n", "channels: 0\n    rating_source: sbc1\n")
    edit("accounts.yaml", "{to: 2026-11-01, channels: 3}, ", "")
    edit("accounts.yaml", "{id: lyon, channels: 1,", "{id: lyon, channels: 0,")
    edit("accounts.yaml", "fqdn: sbc1.delta.trunk.example, ", "")
    edit("accounts.yaml", ', numbers: ["+33536490000..+33536490004"]', "")
    edit("accounts.yaml", "SBC1.alpha.trunk.example", "sbc1.paris.alpha.trunk.example")
    edit("accounts.yaml", "fqdn: shared.trunk.example", "fqdn: shared")
    edit("gateway.yaml", "  t2: {cap", "  t9: {cap")
    names = (
        "trunk.example, *.trunk.example, *.alpha.trunk.example, *.beta.trunk.example, *.delta.trunk.example"
    )
    assert set(warned()) == {
        f"accounts.yaml:18: fqdn 'sbc1.paris.alpha.trunk.example' of trunk 't1' is not among the certificate's names: Teams refuses its calls; expected a name of it, or one below a name with a star: {names}. [GATEWAY-WARN-TLS]",
        "accounts.yaml:19: channels of trunk 't1' are 0 now: only emergency calls pass; expected channels in force. [GATEWAY-WARN-CHANNELS]",
        "accounts.yaml:22: sites 'lyon' of trunk 't1' has no channels: only emergency calls of its numbers pass; expected channels of the site. [GATEWAY-WARN-CHANNELS]",
        "accounts.yaml:26: channels '0' of trunk 't2' are 0 now: only emergency calls pass; expected channels in force. [GATEWAY-WARN-CHANNELS]",
        "accounts.yaml:27: rating_source 'sbc1' of trunk 't2' is not 'gw1': the gateway's CDRs are not rated; expected the gateway's name, or null. [GATEWAY-WARN-SOURCE]",
        "accounts.yaml:33: id 't3' has no fqdn: no call from Teams is known to be its; expected the FQDN of the customer's voice route. [GATEWAY-WARN-FQDN]",
        "accounts.yaml:33: id 't3' lists no numbers, and its customer has other trunks: no call comes in on it; expected the numbers that come in on each. [GATEWAY-WARN-NUMBERS]",
        "accounts.yaml:35: fqdn 'shared' of trunk 't5' is no name that Teams takes; expected a full host name of at most 63 characters, as sbc1.trunk.example. [GATEWAY-WARN-FQDN]",
        "gateway.yaml:19: trunks 't9' is no trunk; expected the id of a trunk of accounts: t1, t2, t3, t4, t5. [GATEWAY-WARN-TRUNK]",
    }


def test_a_number_on_two_trunks(here):
    edit("accounts.yaml", '"+33536490005..+33536490008"', '"+33536490003..+33536490008"')
    assert warned() == [
        "accounts.yaml:33: id 't4' lists a number that trunk 't3' lists too: it is refused on both; expected each number on one trunk. [GATEWAY-WARN-NUMBERS]"
    ]


def test_a_book_without_emergency_numbers(here):
    edit("book/rate_deck.csv", "FR:15,Urgences,emergency,FR,0,,\n", "")
    assert warned() == [
        "gateway.yaml:3: tariffs 'book' has no row of class emergency in force: calls to 112 are like any others; expected a rate deck with the emergency numbers. [GATEWAY-WARN-EMERGENCY]"
    ]


def test_a_spool_that_cannot_be_made(here):
    edit("gateway.yaml", "spool: spool/", "spool: nowhere/spool/")
    assert stopped() == [
        "gateway.yaml:4: spool 'nowhere/spool/' cannot be made: 'nowhere' is no folder; expected a folder, or a name in one. [GATEWAY-SPOOL]"
    ]


def test_a_spool_that_cannot_be_written_to(here):
    assert check() == (0, ["gateway.yaml: 0 errors, 0 warnings"])
    Path("spool").mkdir(mode=0o500)
    with nobody_special(here):
        found = stopped()
    assert found == [
        "gateway.yaml:4: spool 'spool/' cannot be written to; expected a folder that the gateway may write to. [GATEWAY-SPOOL]"
    ]


# --- certificates

CERTIFICATE = "gateway.yaml:10: certificate 'cert.pem' "


def test_a_certificate_that_ended(here):
    write_certificate(here, begins=TODAY - timedelta(days=90), ends=TODAY - timedelta(seconds=1))
    assert stopped() == [
        CERTIFICATE + "ended on 2026-10-04; expected a certificate that is valid. [GATEWAY-TLS]"
    ]


def test_a_certificate_that_has_not_begun(here):
    write_certificate(here, begins=TODAY + timedelta(days=1))
    assert stopped() == [
        CERTIFICATE + "begins on 2026-10-06; expected a certificate that is valid. [GATEWAY-TLS]"
    ]


def test_a_certificate_that_ends_soon(here):
    write_certificate(here, ends=TODAY + timedelta(days=29, hours=23))
    assert warned() == [
        CERTIFICATE
        + "ends on 2026-11-03, in 29 days; expected one that is valid for 30 days or more. [GATEWAY-WARN-TLS]"
    ]
    write_certificate(here, ends=TODAY + timedelta(days=30))
    assert warned() == []


def test_an_authority_that_ended(here):
    write_certificate(here, ends=TODAY - timedelta(days=2), begins=TODAY - timedelta(days=9), common="Old CA")
    ended = Path("ca.pem").read_bytes()
    write_certificate(here)
    Path("ca.pem").write_bytes(Path("ca.pem").read_bytes() + ended)
    assert warned() == [
        "gateway.yaml:10: ca 'ca.pem' holds an authority that ended on 2026-10-03 (CN=Old CA); expected authorities that are valid. [GATEWAY-WARN-TLS]"
    ]


def test_a_key_of_another_certificate(here):
    write_key(here / "key.pem")
    assert stopped() == [
        "gateway.yaml:10: key 'key.pem' is not the key of certificate 'cert.pem'; expected the private key that the certificate was made for. [GATEWAY-TLS]"
    ]


@pytest.mark.parametrize("locked", [True, False])
def test_a_key_that_cannot_be_used(here, locked):
    if locked:
        write_key(here / "key.pem", password=b"secret")
    else:
        Path("key.pem").write_bytes(Path("cert.pem").read_bytes())
    assert stopped() == [
        "gateway.yaml:10: key 'key.pem' is no PEM private key without passphrase; expected a PEM private key without passphrase. [GATEWAY-TLS]"
    ]


def test_a_key_that_everybody_reads(here):
    Path("key.pem").chmod(0o644)
    assert warned() == [
        "gateway.yaml:10: key 'key.pem' can be read by every user; expected a key that only the gateway reads. [GATEWAY-WARN-TLS]"
    ]


@pytest.mark.parametrize(
    "content", [b"", b"\xff\x00", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_a_certificate_that_is_none(here, content):
    Path("cert.pem").write_bytes(content)
    Path("ca.pem").write_bytes(content)
    assert stopped() == [
        "gateway.yaml:10: ca 'ca.pem' is no PEM certificate; expected a PEM certificate. [GATEWAY-TLS]",
        CERTIFICATE + "is no PEM certificate; expected a PEM certificate. [GATEWAY-TLS]",
    ]


def test_a_certificate_for_another_host(here):
    write_certificate(here, names=("*.trunk.example", "sbc.trunk.example"), common="sbc.trunk.example")
    assert stopped() == [
        CERTIFICATE
        + "does not hold for 'trunk.example' (it holds for sbc.trunk.example, *.trunk.example); expected teams.fqdn among its names. [GATEWAY-TLS]"
    ]
    write_certificate(here, names=(), common="TRUNK.example")
    assert [line for line in warned() if "certificate 'cert.pem'" in line] == []


def test_what_the_certificate_is_for(here):
    write_certificate(here, purposes=(ExtendedKeyUsageOID.CLIENT_AUTH,))
    assert stopped() == [
        CERTIFICATE
        + "is not for servers: Teams refuses it; expected one for Server Authentication. [GATEWAY-TLS]"
    ]
    write_certificate(here, purposes=None)
    assert warned() == [
        CERTIFICATE
        + "does not say what it is for; expected one for Server Authentication. [GATEWAY-WARN-TLS]"
    ]
    write_certificate(here, purposes=(ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH))
    assert warned() == []


def test_without_the_package_certificates_are_not_looked_at(here, monkeypatch):
    usual = builtins.__import__

    def without(name, *arguments):
        if name.partition(".")[0] == "cryptography":
            raise ImportError(name)
        return usual(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", without)
    assert warned() == [
        "gateway.yaml:10: tls could not be looked at; expected the package cryptography, of pip install 'trunkrate[gateway]'. [GATEWAY-WARN-TLS]"
    ]


def test_certificates_without_tls_are_none(here):
    edit("gateway.yaml", "[tls:127.0.0.1:5061]", "[tcp:127.0.0.1:5061]")
    edit("gateway.yaml", "  tls: {certificate: cert.pem, key: key.pem, ca: ca.pem}\n", "")
    assert warned() == [
        "gateway.yaml:6: listen 'tcp:127.0.0.1:5061' is not TLS: Teams does not call on it, and who calls on it shows no certificate; expected tls: listeners. [GATEWAY-WARN-LISTEN]"
    ]


def test_now_is_looked_at_without_a_day(here):
    write_certificate(here, begins=TODAY - timedelta(days=9), ends=TODAY - timedelta(days=1))
    result = CliRunner().invoke(main, ["gateway", "check", "--config", "gateway.yaml"])
    assert "ended on 2026-10-04" in result.stdout


def test_nothing_is_printed_of_passwords(here):
    edit("gateway.yaml", "postgresql://gw:secret", "mysql://gw:secret")
    assert "secret" not in str(stopped())
    assert "secret" not in str(check_gateway("gateway.yaml", 0))


def test_the_policy_needs_no_sip_library_and_the_help_no_gateway():
    code = "import sys, sipgw.policy; print([n for n in ('pjsua2', 'KSR', 'redis', 'cryptography', 'pandas') if n in sys.modules])"
    other = (
        "import sys, rating.cli; print([n for n in sys.modules if n.startswith(('sipgw', 'cryptography'))])"
    )
    for program in (code, other):
        result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
        assert result.stdout.strip() == "[]", result.stderr


# --- certificates towards the operator

TO_OPERATOR = "gateway.yaml:15: certificate 'op.pem' "
BOTH = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)


@pytest.fixture
def secure(here):
    """An operator over TLS; what its certificate is called is nothing that the gateway knows."""
    edit("gateway.yaml", "[udp:127.0.0.1:5060]", "[tls:127.0.0.1:5060]")
    edit("gateway.yaml", "sip:127.0.0.1:5080", "sip:sbc.operator.example;transport=tls")
    files = "  tls: {certificate: op.pem, key: op.key, ca: op-ca.pem}\n"
    edit("gateway.yaml", "  addresses: [127.0.0.1/32]\n", "  addresses: [127.0.0.1/32]\n" + files)
    certify_to_operator(here)
    return here


def certify_to_operator(folder: Path, **fields: object) -> None:
    files = ("op.pem", "op.key", "op-ca.pem")
    write_certificate(folder, **{"names": ("gw.example",), "purposes": BOTH, "files": files} | fields)


def test_a_clean_gateway_towards_an_operator_over_tls(secure):
    assert warned() == []


def test_files_towards_the_operator_that_are_wrong_beside_those_towards_teams(secure):
    Path("cert.pem").unlink()
    Path("op.pem").write_bytes(b"")
    write_key(secure / "op.key", password=b"secret")
    Path("op-ca.pem").unlink()
    assert stopped() == [
        "gateway.yaml:10: certificate 'cert.pem' cannot be read (No such file or directory); expected a readable file. [GATEWAY-TLS]",
        "gateway.yaml:15: ca 'op-ca.pem' cannot be read (No such file or directory); expected a readable file. [GATEWAY-TLS]",
        TO_OPERATOR + "is no PEM certificate; expected a PEM certificate. [GATEWAY-TLS]",
        "gateway.yaml:15: key 'op.key' is no PEM private key without passphrase; expected a PEM private key without passphrase. [GATEWAY-TLS]",
    ]


def test_dates_and_key_of_a_certificate_towards_the_operator(secure):
    certify_to_operator(secure, ends=TODAY - timedelta(seconds=1), begins=TODAY - timedelta(days=9))
    write_key(secure / "op.key")
    assert stopped() == [
        TO_OPERATOR + "ended on 2026-10-04; expected a certificate that is valid. [GATEWAY-TLS]",
        "gateway.yaml:15: key 'op.key' is not the key of certificate 'op.pem'; expected the private key that the certificate was made for. [GATEWAY-TLS]",
    ]


def test_what_a_certificate_towards_the_operator_is_for(secure):
    certify_to_operator(secure, purposes=BOTH[1:])
    assert stopped() == [
        TO_OPERATOR
        + "is not for servers: the operator refuses it; expected one for Server Authentication. [GATEWAY-TLS]"
    ]
    certify_to_operator(secure, purposes=BOTH[:1])
    assert warned() == [
        TO_OPERATOR
        + "is not for clients: the operator may refuse it where the gateway connects; expected one for Client Authentication too. [GATEWAY-WARN-TLS]"
    ]
    certify_to_operator(secure, purposes=None)
    assert warned() == [
        TO_OPERATOR
        + "does not say what it is for; expected one for Server Authentication. [GATEWAY-WARN-TLS]"
    ]


def test_teams_without_tls_beside_an_operator_over_tls(secure):
    edit("gateway.yaml", "[tls:127.0.0.1:5061]", "[tcp:127.0.0.1:5061]")
    edit("gateway.yaml", "  tls: {certificate: cert.pem, key: key.pem, ca: ca.pem}\n", "")
    certify_to_operator(secure, ends=TODAY + timedelta(days=3))
    assert [line for line in warned() if "op.pem" in line] == [
        "gateway.yaml:14: certificate 'op.pem' ends on 2026-10-08, in 3 days; expected one that is valid for 30 days or more. [GATEWAY-WARN-TLS]"
    ]
