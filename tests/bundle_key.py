"""The key pair of the tests, in tests/vectors/bundle_key.json: public, so worth nothing."""

import json
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa

from host_agent.bundle.keys import Key
from host_agent.bundle.signature import EXPONENT

_FILE = Path(__file__).parent / "vectors" / "bundle_key.json"


def bundle_key() -> Key:
    """Return it."""
    raw = json.loads(_FILE.read_text())
    n, d = int(raw["n"], 16), int(raw["d"], 16)
    p, q = rsa.rsa_recover_prime_factors(n, EXPONENT, d)
    parts = (rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q))
    private = rsa.RSAPrivateNumbers(p, q, d, *parts, rsa.RSAPublicNumbers(EXPONENT, n)).private_key()
    return Key(bytes.fromhex(raw["n"]), private)
