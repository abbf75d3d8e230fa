"""Certificates for the tests of TLS: an authority, servers at 127.0.0.1 and clients, in or out of date."""

from host_agent.broker_kit import authority


class Authority:
    """Sign server certificates; every file lies in one folder."""

    def __init__(self, folder, name="test authority"):
        self.folder = folder
        self._authority = authority.Authority.create(name, -2, 30)
        self.ca_file = folder / f"{name.replace(' ', '-')}.pem"
        self.ca_file.write_bytes(self._authority.pem())

    def server(self, name, from_days, to_days, address="127.0.0.1"):
        """Return the paths of a certificate and its key."""
        return self._write(name, [address], from_days, to_days)

    def client(self, name, from_days, to_days):
        """Return the paths of a client's certificate and its key."""
        return self._write(name, [], from_days, to_days)

    def _write(self, name, hosts, from_days, to_days):
        certificate, key = self._authority.issue(name, hosts, from_days, to_days)
        cert_file, key_file = self.folder / f"{name}.crt", self.folder / f"{name}.key"
        cert_file.write_bytes(certificate)
        key_file.write_bytes(key)
        return cert_file, key_file
