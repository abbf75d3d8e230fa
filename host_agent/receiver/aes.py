"""AES for protocol.evidence on the host: one block cipher in ECB mode, from the `cryptography` package.

Only the city side opens events, so `cryptography` (compiled) stays in the extra `city` and out of the agent's core.
"""

from host_agent.errors import UserError

try:
    from cryptography.hazmat.primitives import ciphers
    from cryptography.hazmat.primitives.ciphers import algorithms, modes
except ImportError:
    ciphers = algorithms = modes = None


class Aes:
    """Encrypt single blocks with one AES-128 key, as `protocol.ccm` wants it."""

    def __init__(self, key: bytes) -> None:
        """Prepare the key schedule of a 16-byte key; raises UserError naming the extra when it is not installed."""
        if ciphers is None or algorithms is None or modes is None:
            raise _absent()
        self._encryptor = ciphers.Cipher(algorithms.AES(key), modes.ECB()).encryptor()

    def encrypt(self, blocks: bytes | bytearray | memoryview) -> bytes:
        """Return the ECB encryption of whole 16-byte blocks."""
        return self._encryptor.update(blocks)


def require() -> None:
    """Raise UserError when the extra that brings `cryptography` is absent."""
    if ciphers is None:
        raise _absent()


def _absent() -> UserError:
    return UserError(
        "the package cryptography is not installed, so no event can be opened",
        "extra city",
        'install it: pip install "yiping[city]"',
    )
