"""AES for protocol.evidence on the host: one block cipher in ECB mode, from the `cryptography` package.

Only the city side opens events, so `cryptography` (compiled) stays in the extra `city` and out of the agent's core.
"""

from host_agent.errors import UserError

try:
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
except ImportError:
    Cipher = None


class Aes:
    """Encrypt single blocks with one AES-128 key, as `protocol.ccm` wants it."""

    def __init__(self, key: bytes) -> None:
        """Prepare the key schedule of a 16-byte key; raises UserError naming the extra when it is not installed."""
        require()
        self._encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305, CCM is built on it

    def encrypt(self, blocks: bytes | bytearray | memoryview) -> bytes:
        """Return the ECB encryption of whole 16-byte blocks."""
        return self._encryptor.update(blocks)


def require() -> None:
    """Raise UserError when the extra that brings `cryptography` is absent."""
    if Cipher is None:
        raise UserError(
            "the package cryptography is not installed, so no event can be opened",
            "extra city",
            'install it: pip install "yiping[city]"',
        )
