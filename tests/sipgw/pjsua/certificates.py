"""An authority and RSA certificates made on the spot: Teams' ciphers are ECDHE-RSA."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NOW = datetime.now(UTC)


class Authority:
    """Signs certificates; its own is `ca` in the folder."""

    def __init__(self, folder: Path) -> None:
        self._folder, self.ca = folder, folder / "ca.pem"
        self._key = rsa.generate_private_key(65537, 2048)
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test authority")])
        built = self._builder(self._name, self._key).add_extension(
            x509.BasicConstraints(True, 0), critical=True
        )
        self.ca.write_bytes(_pem(built.sign(self._key, hashes.SHA256())))

    def certify(self, file: str, *names: str, is_for_clients: bool = False) -> dict[str, str]:
        """Certificate and key for names, the first being the common one; of purpose Server Authentication
        alone, as Microsoft's are from 2026 on, or for clients too."""
        key = rsa.generate_private_key(65537, 2048)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        listed = [x509.DNSName(name) for name in names] + [x509.IPAddress(ip_address("127.0.0.1"))]
        purposes = [ExtendedKeyUsageOID.SERVER_AUTH]
        purposes += [ExtendedKeyUsageOID.CLIENT_AUTH] if is_for_clients else []
        built = (
            self._builder(subject, key)
            .add_extension(x509.SubjectAlternativeName(listed), critical=False)
            .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        )
        certificate, private = self._folder / f"{file}.pem", self._folder / f"{file}.key"
        certificate.write_bytes(_pem(built.sign(self._key, hashes.SHA256())))
        form, locked = serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        private.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, locked))
        return {"certificate": str(certificate), "key": str(private), "ca": str(self.ca)}

    def _builder(self, subject: x509.Name, key: rsa.RSAPrivateKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW - timedelta(days=1))
            .not_valid_after(NOW + timedelta(days=30))
        )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
