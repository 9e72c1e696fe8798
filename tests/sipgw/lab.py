"""A small carrier for the tests: its files, calls from both sides, certificates made on the spot."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sipgw.attempt import Attempt
from sipgw.directory import Directory, load_directory
from sipgw.settings_file import load_settings

FILES = Path(__file__).resolve().parent / "files"
MICROSOFT = ("sip.pstnhub.microsoft.com",)


@cache
def directory() -> Directory:
    return load_directory(load_settings(FILES / "gateway.yaml"))


def at(text: str) -> int:
    """An instant. [ns]"""
    return int(datetime.fromisoformat(text).timestamp()) * 10**9


NOON = at("2026-10-05T12:00:00+02:00")

FROM_TEAMS = Attempt(
    side="teams",
    address="52.114.1.2",
    call_id="c1",
    host="sbc1.alpha.trunk.example",
    a_number="+33199000110",
    b_number="+33353019999",
    billed_number="+33199000110",
    billed_by="P-Asserted-Identity",
    tls_names=MICROSOFT,
)
FROM_OPERATOR = Attempt(
    side="operator",
    address="127.0.0.1",
    call_id="d1",
    host="127.0.0.1",
    a_number="+33639980123",
    b_number="+33199000110",
    billed_number="",
    billed_by="",
)


def outbound(**fields: object) -> Attempt:
    return replace(FROM_TEAMS, **fields)  # type: ignore[arg-type]


def inbound(**fields: object) -> Attempt:
    return replace(FROM_OPERATOR, **fields)  # type: ignore[arg-type]


def copy_of_files(folder: Path) -> Path:
    """gateway.yaml and all that it names, in a folder of the test's own."""
    shutil.copytree(FILES, folder, dirs_exist_ok=True)
    write_certificate(folder)
    return folder / "gateway.yaml"


TODAY = datetime(2026, 10, 5, tzinfo=UTC)
NAMES = ("trunk.example", *(f"*.{under}trunk.example" for under in ("", "alpha.", "beta.", "delta.")))


def write_certificate(
    folder: Path,
    names: tuple[str, ...] = NAMES,
    begins: datetime = TODAY - timedelta(days=1),
    ends: datetime = TODAY + timedelta(days=90),
    purposes: tuple[x509.ObjectIdentifier, ...] | None = (ExtendedKeyUsageOID.SERVER_AUTH,),
    common: str = "trunk.example",
    files: tuple[str, str, str] = ("cert.pem", "key.pem", "ca.pem"),
) -> None:
    """Certificate, key and ca, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
    )
    if names:
        listed = x509.SubjectAlternativeName([x509.DNSName(one) for one in names])
        builder = builder.add_extension(listed, critical=False)
    if purposes is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    pem = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    certificate, own_key, ca = files
    (folder / certificate).write_bytes(pem)
    (folder / ca).write_bytes(pem)
    write_key(folder / own_key, key)


def write_key(path: Path, key: ec.EllipticCurvePrivateKey | None = None, password: bytes = b"") -> None:
    locked = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    key = key or ec.generate_private_key(ec.SECP256R1())
    form = serialization.PrivateFormat.PKCS8
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, locked))
    path.chmod(0o600)
