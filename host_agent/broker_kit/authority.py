"""A small certificate authority for tests and for a city without one of its own. Needs the extra `city`.

Promise: private keys are written with mode 0600 and never shown. Layout of the folder:

    ca.pem  ca.key                       the authority
    server.pem  server.key               the broker
    clients/<client id>.pem  .key        one pair for each agent and receiver
"""

import datetime
import ipaddress
import re
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from host_agent import folders

CA_DAYS = 3650
# The longest that common TLS libraries take from a server without complaint.
LEAF_DAYS = 825
# Clocks of counter PCs are not exact: a certificate is good from a day before it was made.
BACKDATED_DAYS = 1
# A name in its wire form (RFC 1123 §2.1), and the underscore that some networks have.
_HOST = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\Z")


class Authority:
    """Sign certificates with a key that lies in one folder."""

    def __init__(self, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        """Keep the pair."""
        self.certificate = certificate
        self._key = key

    @classmethod
    def create(cls, name: str, from_days: int = -BACKDATED_DAYS, to_days: int = CA_DAYS) -> "Authority":
        """Make a new authority, good from and to so many days from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _name(name)
        builder = _builder(subject, subject, key.public_key(), from_days, to_days)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        builder = builder.add_extension(_usage(signs_certificates=True), critical=True)
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        return cls(builder.sign(key, hashes.SHA256()), key)

    @classmethod
    def load(cls, folder: Path) -> "Authority":
        """Read what `save` wrote.

        :raises OSError, ValueError: a file is missing or is no certificate or key.
        """
        certificate = x509.load_pem_x509_certificate((folder / "ca.pem").read_bytes())
        key = serialization.load_pem_private_key((folder / "ca.key").read_bytes(), None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise ValueError("ca.key holds no key on an elliptic curve")
        return cls(certificate, key)

    def save(self, folder: Path) -> None:
        """Write ca.pem and ca.key."""
        folders.write_private(folder / "ca.key", _key_pem(self._key))
        (folder / "ca.pem").write_bytes(self.pem())

    def pem(self) -> bytes:
        """Return the authority's certificate."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def issue(
        self,
        common_name: str,
        hosts: Sequence[str] = (),
        from_days: int = -BACKDATED_DAYS,
        to_days: int = LEAF_DAYS,
    ) -> tuple[bytes, bytes]:
        """Return certificate and private key in PEM: a server's for `hosts` (names or addresses), else a client's."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(_name(common_name), self.certificate.subject, key.public_key(), from_days, to_days)
        usage = ExtendedKeyUsageOID.SERVER_AUTH if hosts else ExtendedKeyUsageOID.CLIENT_AUTH
        own = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        builder = builder.add_extension(own, critical=False)
        builder = builder.add_extension(_usage(signs_certificates=False), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        if hosts:
            names = x509.SubjectAlternativeName([_host(host) for host in hosts])
            builder = builder.add_extension(names, critical=False)
        certificate = builder.sign(self._key, hashes.SHA256())
        return certificate.public_bytes(serialization.Encoding.PEM), _key_pem(key)


def is_host(text: str) -> bool:
    """Say whether a certificate can be made for it: an address, or a name in ASCII."""
    try:
        return bool(ipaddress.ip_address(text))
    except ValueError:
        return _HOST.match(text) is not None


def days_left(certificate_pem: bytes, now: datetime.datetime) -> int:
    """Return the whole days until a certificate ends; negative when it has."""
    return (x509.load_pem_x509_certificate(certificate_pem).not_valid_after_utc - now).days


def _builder(
    subject: x509.Name, issuer: x509.Name, public_key: ec.EllipticCurvePublicKey, from_days: int, to_days: int
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + datetime.timedelta(days=from_days))
        .not_valid_after(now + datetime.timedelta(days=to_days))
    )


def _usage(signs_certificates: bool) -> x509.KeyUsage:
    """Return what the key is for (RFC 5280 §4.2.1.3), which strict verifiers want to read."""
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
