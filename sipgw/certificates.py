"""The gateway's certificate as Teams will see it: files, key, dates, purpose, names."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from rating.yamlfile import Value
from sipgw.findings import Findings, at
from sipgw.names import covers, plain
from sipgw.settings import TeamsLeg

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

T = TypeVar("T")

SOON = timedelta(days=30)


def look_at_certificates(teams: TeamsLeg, root: Value, now: datetime, found: Findings) -> list[str] | None:
    """Note what is wrong with the PEM files of `teams.tls`.

    Parameters
    ----------
    root : nodes of gateway.yaml
    now : with time zone

    Returns
    -------
    The names that the gateway's certificate holds for; None where it could not be looked at.

    References
    ----------
    .. [1] Microsoft, "Connect your Session Border Controller to Direct Routing": public certificate.
    """
    if teams.tls is None:
        return None
    place = at(root, "teams", "tls")
    try:
        from cryptography import x509
    except ImportError:
        expected = "the package cryptography, of pip install 'trunkrate[gateway]'"
        found.warn(place, "could not be looked at", expected, "TLS")
        return None
    certificate, key, ca = (at(place, name) for name in ("certificate", "key", "ca"))
    load_all = x509.load_pem_x509_certificates
    chain = _load(teams.tls.certificate, certificate, load_all, "PEM certificate", found)
    authorities = _load(teams.tls.ca, ca, load_all, "PEM certificate", found)
    own_key = _load(teams.tls.key, key, _public_half, "PEM private key without passphrase", found)
    for authority in authorities or []:
        if authority.not_valid_after_utc < now:
            name = authority.subject.rfc4514_string()
            problem = f"holds an authority that ended on {_day(authority.not_valid_after_utc)} ({name})"
            found.warn(ca, problem, "authorities that are valid", "TLS")
    if own_key is not None and teams.tls.key.stat().st_mode & 0o004:
        found.warn(key, "can be read by every user", "a key that only the gateway reads", "TLS")
    if not chain:
        return None
    leaf = chain[0]
    if own_key is not None and _public_bytes(leaf) != own_key:
        problem = f"is not the key of certificate '{certificate.raw}'"
        found.error(key, problem, "the private key that the certificate was made for", "TLS")
    _look_at_dates(leaf, certificate, now, found)
    return _names(leaf, certificate, teams.fqdn, found)


def _load(path: Path, value: Value, read: Callable[[bytes], T], what: str, found: Findings) -> T | None:
    """Read a PEM file; None where it cannot be, which is noted."""
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        return read(path.read_bytes())
    except OSError as error:
        found.error(value, f"cannot be read ({error.strerror})", "a readable file", "TLS")
    except (ValueError, TypeError, UnsupportedAlgorithm):
        found.error(value, f"is no {what}", f"a {what}", "TLS")
    return None


def _public_half(pem: bytes) -> bytes:
    """The public key that belongs to a private one, as bytes that compare."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

    public = load_pem_private_key(pem, None).public_key()
    return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _public_bytes(certificate: Certificate) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _look_at_dates(leaf: Certificate, value: Value, now: datetime, found: Findings) -> None:
    begins, ends = leaf.not_valid_before_utc, leaf.not_valid_after_utc
    if ends < now:
        found.error(value, f"ended on {_day(ends)}", "a certificate that is valid", "TLS")
    elif begins > now:
        found.error(value, f"begins on {_day(begins)}", "a certificate that is valid", "TLS")
    elif ends < now + SOON:
        problem = f"ends on {_day(ends)}, in {(ends - now).days} days"
        found.warn(value, problem, f"one that is valid for {SOON.days} days or more", "TLS")


def _day(instant: datetime) -> str:
    return instant.date().isoformat()


def _names(leaf: Certificate, value: Value, fqdn: str, found: Findings) -> list[str] | None:
    """Names of the certificate; notes a purpose that Teams refuses, and a carrier that is not among them."""
    from cryptography import x509
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    try:
        extensions = {type(extension.value): extension.value for extension in leaf.extensions}
        common = [str(name.value) for name in leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        found.error(value, "has a name or extension that cannot be read", "an X.509 certificate", "TLS")
        return None
    purposes = extensions.get(x509.ExtendedKeyUsage)
    expected = "one for Server Authentication"
    if not isinstance(purposes, x509.ExtendedKeyUsage):
        found.warn(value, "does not say what it is for", expected, "TLS")
    elif ExtendedKeyUsageOID.SERVER_AUTH not in purposes:
        found.error(value, "is not for servers: Teams refuses it", expected, "TLS")
    alternative = extensions.get(x509.SubjectAlternativeName)
    listed = (
        alternative.get_values_for_type(x509.DNSName)
        if isinstance(alternative, x509.SubjectAlternativeName)
        else []
    )
    names = list(dict.fromkeys(plain(name) for name in [*common, *listed]))
    if not any(covers(name, fqdn) for name in names):
        shown = ", ".join(names[:5]) or "no host"
        found.error(
            value, f"does not hold for '{fqdn}' (it holds for {shown})", "teams.fqdn among its names", "TLS"
        )
    return names
