"""Stand in for the C module where it is missing: the same calls, no cipher. Nothing here leaves the interpreter."""


class aes:  # noqa: N801 - the name of the module's class
    """Take a key and give back what comes."""

    def __init__(self, key: bytes, mode: int) -> None:
        self._key = key

    def encrypt(self, data: bytes) -> bytes:
        """Return the blocks as they came."""
        return bytes(data)
