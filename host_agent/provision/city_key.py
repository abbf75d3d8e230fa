"""Reads the city's public key for registry records, and says by name what is wrong with a file that holds none."""

from pathlib import Path

from host_agent import public_key
from host_agent.errors import UserError
from host_agent.public_key import FILE_LIMIT_BYTES, KeyFileError, PublicKey


def read(path: Path, where: str) -> tuple[bytes, PublicKey]:
    """Return the PEM and the key in a file; `where` names the option that names the file.

    :raises UserError: it cannot be read, or is no key that may be used.
    """
    cure = "give the .pub.pem that `yiping registry keygen` made at the city"
    try:
        with path.open("rb") as file:
            pem = file.read(FILE_LIMIT_BYTES + 1)
        if len(pem) > FILE_LIMIT_BYTES:
            raise KeyFileError("it is far too large")
        return pem, public_key.parse(pem)
    except OSError as error:
        raise UserError(f"cannot read the city's key {path}: {error.strerror or error}", where, cure) from None
    except KeyFileError as error:
        raise UserError(f"{path} is no key to seal records with: {error}", where, cure) from None
