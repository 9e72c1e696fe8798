"""The gateway's certificates as its peers will see them: files, key, dates, purpose, names."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from rating.yamlfile import Value
from sipgw.findings import Findings, at
from sipgw.names import covers, plain
from sipgw.settings import Settings, Tls

if TYPE_CHECKING:
    from cryptography.x509 import Certificate, ObjectIdentifier

T = TypeVar("T")

SOON = timedelta(days=30)


def look_at_certificates(settings: Settings, root: Value, now: datetime, found: Findings) -> list[str] | None:
    """Note what is wrong with the PEM files of `teams.tls` and `operator.tls`.

    Towards Teams the certificate must hold for the carrier. What name an operator wants to see is known to
    the operator alone; both connect to each other, so it should be for servers and for clients.

    Parameters
    ----------
    root : nodes of gateway.yaml
    now : with time zone

    Returns
    -------
    The names that the certificate towards Teams holds for; None where it could not be looked at.

    References
    ----------
    .. [1] Microsoft, "Connect your Session Border Controller to Direct Routing": public certificate.
    """
    towards_operator = _look_at_leg(settings.operator.tls, at(root, "operator", "tls"), now, found)
    if towards_operator is not None:
        _look_at_purposes(towards_operator, "the operator", True, found)
    towards_teams = _look_at_leg(settings.teams.tls, at(root, "teams", "tls"), now, found)
    if towards_teams is None:
        return None
    _look_at_purposes(towards_teams, "Teams", False, found)
    names, fqdn = towards_teams.names, settings.teams.fqdn
    if not any(covers(name, fqdn) for name in names):
        shown = ", ".join(names[:5]) or "no host"
        problem = f"does not hold for '{fqdn}' (it holds for {shown})"
        found.error(towards_teams.value, problem, "teams.fqdn among its names", "TLS")
    return names


class _Shown(NamedTuple):
    """What the gateway shows on a leg.

    value : node of the certificate's file
    purposes : None where the certificate does not say any
    """

    value: Value
    names: list[str]
    purposes: list[ObjectIdentifier] | None


def _look_at_leg(tls: Tls | None, place: Value, now: datetime, found: Findings) -> _Shown | None:
    """Note what is wrong with the files of one leg, whoever the peer is; None without a certificate."""
    if tls is None:
        return None
    try:
        from cryptography import x509
    except ImportError:
        expected = "the package cryptography, of pip install 'trunkrate[gateway]'"
        found.warn(place, "could not be looked at", expected, "TLS")
        return None
    certificate, key, ca = (at(place, name) for name in ("certificate", "key", "ca"))
    load_all = x509.load_pem_x509_certificates
    chain = _load(tls.certificate, certificate, load_all, "PEM certificate", found)
    authorities = _load(tls.ca, ca, load_all, "PEM certificate", found)
    own_key = _load(tls.key, key, _public_half, "PEM private key without passphrase", found)
    for authority in authorities or []:
        if authority.not_valid_after_utc < now:
            name = authority.subject.rfc4514_string()
            problem = f"holds an authority that ended on {_day(authority.not_valid_after_utc)} ({name})"
            found.warn(ca, problem, "authorities that are valid", "TLS")
    if own_key is not None and tls.key.stat().st_mode & 0o004:
        found.warn(key, "can be read by every user", "a key that only the gateway reads", "TLS")
    if not chain:
        return None
    leaf = chain[0]
    if own_key is not None and _public_bytes(leaf) != own_key:
        problem = f"is not the key of certificate '{certificate.raw}'"
        found.error(key, problem, "the private key that the certificate was made for", "TLS")
    _look_at_dates(leaf, certificate, now, found)
    return _read(leaf, certificate, found)


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


def _read(leaf: Certificate, value: Value, found: Findings) -> _Shown | None:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    try:
        extensions = {type(extension.value): extension.value for extension in leaf.extensions}
        common = [str(name.value) for name in leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        found.error(value, "has a name or extension that cannot be read", "an X.509 certificate", "TLS")
        return None
    alternative = extensions.get(x509.SubjectAlternativeName)
    listed = (
        alternative.get_values_for_type(x509.DNSName)
        if isinstance(alternative, x509.SubjectAlternativeName)
        else []
    )
    purposes = extensions.get(x509.ExtendedKeyUsage)
    return _Shown(
        value,
        list(dict.fromkeys(plain(name) for name in [*common, *listed])),
        list(purposes) if isinstance(purposes, x509.ExtendedKeyUsage) else None,
    )


def _look_at_purposes(shown: _Shown, peer: str, is_for_clients: bool, found: Findings) -> None:
    """Note purposes that a peer refuses; is_for_clients : whether it may want Client Authentication."""
    from cryptography.x509.oid import ExtendedKeyUsageOID

    expected = "one for Server Authentication"
    if shown.purposes is None:
        found.warn(shown.value, "does not say what it is for", expected, "TLS")
    elif ExtendedKeyUsageOID.SERVER_AUTH not in shown.purposes:
        found.error(shown.value, f"is not for servers: {peer} refuses it", expected, "TLS")
    elif is_for_clients and ExtendedKeyUsageOID.CLIENT_AUTH not in shown.purposes:
        problem = f"is not for clients: {peer} may refuse it where the gateway connects"
        found.warn(shown.value, problem, "one for Client Authentication too", "TLS")
