"""Checks the part of agent.toml that says how the codes of invites are made: [qr]."""

from host_agent import qr_codes, qr_token
from host_agent.config_model import Config

_Fault = tuple[str, str, str]


def find(config: Config) -> list[_Fault]:
    """Return what, key and cure of each fault."""
    base, file = config.qr.base_url, config.qr.key_file
    if base is None and file is None:
        return []
    faults: list[_Fault] = []
    if base is None:
        faults.append(("qr.key_file without qr.base_url", "qr.base_url", "add the city's address for codes"))
    elif not qr_codes.ADDRESS.match(base):
        cure = 'write it in upper case: "HTTPS://PJ.EXAMPLE.CN/T"'
        faults.append((f"qr.base_url {base!r} is no address for a small code", "qr.base_url", cure))
    elif not qr_codes.fits(base):
        what = f"qr.base_url {base!r} is too long: no code with it fits the screen"
        faults.append((what, "qr.base_url", "take an address of at most 63 characters"))
    if file is None:
        faults.append(("qr.base_url without qr.key_file", "qr.key_file", "make a key with `yiping qr keygen`"))
        return faults
    try:
        qr_token.read_key(file)
    except OSError as error:
        what = f"cannot read the key {file}: {error.strerror or error}"
        faults.append((what, "qr.key_file", "correct the path, relative to agent.toml"))
    except ValueError as error:
        faults.append((f"{file} is no key: {error}", "qr.key_file", "make a key with `yiping qr keygen`"))
    return faults
