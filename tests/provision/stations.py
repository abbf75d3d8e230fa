"""A provisioning station and the city's key pair, made once: RSA keys take a second to make."""

from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from click.testing import CliRunner, Result

from host_agent import qr_token
from host_agent.cli import main
from host_agent.provision import identity_key
from host_agent.provision.station import Station, init

PASSPHRASE = "correct horse battery"
BASE_URL = "HTTPS://PJ.CITY.EXAMPLE/"


@cache
def city_keys() -> tuple[Path, Path]:
    """Return the files of the city's private and public key, made once in this process."""
    folder = Path(mkdtemp(prefix="yiping-city-"))
    private, public = folder / "city.key", folder / "city.pub.pem"
    identity_key.make(private, public, 3072)
    return private, public


@cache
def _signing() -> tuple[bytes, bytes]:
    from host_agent.provision import signing

    return signing.make(PASSPHRASE.encode())


def make_station(folder: Path, name: str = "bench-1", first: int = 1, codes: bool = True) -> Station:
    """Return a new station in a folder, with the passphrase of this module in the file `passphrase`."""
    (folder / "passphrase").write_text(PASSPHRASE + "\n")
    key = folder / "qr.key"
    key.write_text(qr_token.new_key_text(1))
    path = folder / f"{name}.db"
    init(path, name, city_keys()[1].read_bytes(), _signing(), first, (BASE_URL, key) if codes else None)
    return Station(path)


def yiping(*words: object) -> Result:
    """Run a command and return how it ended."""
    return CliRunner().invoke(main, [str(word) for word in words])
