"""Read the manifest of a firmware and check its signature, before any of that firmware is believed.

manifest.cbor, one deterministic CBOR map: {1: "yiping bundle 1", 2: board, 3: version, 4: release, 5: floor, 6: least
bootstrap, 7: files of the slot, 8: packs, 9: files of the bootstrap}, where files are [[path, size, SHA-256], …] sorted
by path. manifest.sig: RSASSA-PKCS1-v1_5 with SHA-256 over it (RFC 8017, section 8.2.2), 3072 bits, e = 65537.
"""

from array import array
from hashlib import sha256

from protocol import cbor, content, reasons
from protocol.content import SIGNATURE_BYTES
from protocol.errors import CborError

FORMAT = "yiping bundle 1"
MAX_FILES = 512
MAX_FILE_BYTES = 4_194_304
MAX_PATH = 64
MAX_NUMBER = 999_999_999  # of releases; a bootstrap has less

_EXPONENT = 65_537
_DIGEST_INFO = b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20"  # RFC 8017, 9.2, note 1
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./"
_OWN = ("manifest.cbor", "manifest.sig")
_KEYS, _HEAD, _FILES, _BOOTSTRAP_FILES = 9, 6, 7, 9  # of the map; the first six have one value each
_ARRAY, _MAP = 4, 5  # major types of CBOR


class ManifestError(Exception):
    """The manifest cannot be one; the text says why."""


class Manifest:
    """What a manifest says; ManifestError for anything but a whole, valid one. In memory are its bytes, and where in
    them its files stand.
    """

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._at = array("H")  # offsets of the files, and behind them of the packs
        try:
            head = self._read()
        except CborError as error:
            raise ManifestError(str(error)) from None
        self.board, self.version, self.release, self.floor, self.bootstrap = head[1:]
        if head[0] != FORMAT or not isinstance(self.board, str) or not isinstance(self.version, str):
            raise ManifestError("an unknown format, or board and version are no texts")
        for number in head[3:]:
            if type(number) is not int or not 0 <= number <= MAX_NUMBER:
                raise ManifestError("a number that cannot be")
        if release_of(self.version) != self.release or self.floor > self.release:
            raise ManifestError("version, release and floor do not fit")
        self.count = len(self._at)

    def _read(self) -> list:
        """Return the values under the keys 1 to 6, note where files and packs stand."""
        data, head = self.data, []
        if len(data) > content.MANIFEST_BYTES_MAX:
            raise ManifestError("too long")
        at = self._step(0, _MAP, _KEYS)
        for key in range(1, _KEYS + 1):
            found, at = cbor.take(data, at)
            if type(found) is not int or found != key:
                raise ManifestError("not the nine keys in their order")
            if key <= _HEAD:
                value, at = cbor.take(data, at)
                head.append(value)
            else:
                at = self._read_files(at, key != _BOOTSTRAP_FILES)
            if key == _FILES:
                self._files = len(self._at)
        if at != len(data):
            raise ManifestError("bytes behind the manifest")
        return head

    def _step(self, at: int, major: int, count: int) -> int:
        """Return the offset behind the head of an array or map of so many items; ManifestError if it is none."""
        found, value, at = cbor.take_head(self.data, at)
        if found != major or value != count:
            raise ManifestError("not an array or map of the right length")
        return at

    def _read_files(self, at: int, kept: bool) -> int:
        """Check a list of files and note where they stand; return the offset behind it."""
        major, count, at = cbor.take_head(self.data, at)
        if major != _ARRAY or count > MAX_FILES:
            raise ManifestError("a list of files is none, or too long")
        before = ""
        for _ in range(count):
            if kept:
                self._at.append(at)
            item, at = cbor.take(self.data, at)
            _check_file(item, before)
            before = item[0]
        return at

    def entry(self, index: int) -> list | None:
        """Return [path, size, SHA-256] of a file, or of a pack behind the files; None when there is none."""
        return cbor.take(self.data, self._at[index])[0] if 0 <= index < self.count else None

    def place(self, index: int, slot: str) -> str:
        """Return where a file or pack stands on the flash."""
        path, _, digest = self.entry(index)
        return pack_place(digest) if index >= self._files else slot + "/" + path

    def packs(self) -> list:
        """Return where the packs stand."""
        return [self.place(index, "") for index in range(self._files, self.count)]


def pack_place(digest: bytes) -> str:
    """Return where a pack stands, by its SHA-256; both slots share it."""
    return "packs/" + digest.hex()[:16]


def release_of(version: str) -> int:
    """Return a version as one number, major · 10⁶ + minor · 10³ + patch; −1 for what is none."""
    parts = version.split(".")
    release = 0
    for part in parts:
        if not 1 <= len(part) <= 3 or not part.isdigit():
            return -1
        release = 1_000 * release + int(part)
    return release if len(parts) == 3 else -1


def is_signed(modulus: bytes, data: bytes, signature: bytes) -> bool:
    """Return whether a signature is the key's; 0.28 s on an RP2040, a few KB."""
    if len(modulus) != SIGNATURE_BYTES or len(signature) != SIGNATURE_BYTES:
        return False
    number, of = int.from_bytes(signature, "big"), int.from_bytes(modulus, "big")
    if number >= of:
        return False
    end = _DIGEST_INFO + sha256(data).digest()
    padded = b"\x00\x01" + b"\xff" * (SIGNATURE_BYTES - len(end) - 3) + b"\x00" + end
    return pow(number, _EXPONENT, of).to_bytes(SIGNATURE_BYTES, "big") == padded


def accepted(modulus: bytes, data: bytes, signature: bytes, terminal: tuple) -> tuple:
    """Return (reason, manifest or None): may this firmware be installed?

    `terminal` is its board, the release that runs, the least release that may run, and the bootstrap's number.
    """
    if not is_signed(modulus, data, signature):
        return reasons.BAD_SIGNATURE, None
    try:
        manifest = Manifest(data)
    except ManifestError:
        return reasons.BAD_MESSAGE, None
    board, runs, floor, bootstrap = terminal
    if manifest.board != board:
        return reasons.WRONG_BOARD, None
    if manifest.release <= runs or manifest.release < floor:
        return reasons.TOO_OLD, None
    if manifest.bootstrap > bootstrap:
        return reasons.NEEDS_BOOTSTRAP, None
    return reasons.OK, manifest


def _check_file(item: object, before: str) -> None:
    """Raise ManifestError unless it is what can be on a terminal, sorted behind the path `before`."""
    if not isinstance(item, list) or len(item) != 3:
        raise ManifestError("a file has not path, size and hash")
    path, size, digest = item
    if not isinstance(path, str) or not _is_path(path) or path <= before:
        raise ManifestError("a path that cannot be, or out of order")
    if type(size) is not int or not 0 <= size <= MAX_FILE_BYTES:
        raise ManifestError("a size that cannot be")
    if not isinstance(digest, bytes) or len(digest) != 32:
        raise ManifestError("a hash that is none")


def _is_path(path: str) -> bool:
    """Return whether a path stays inside its slot: names of letters, digits and _, with single dots between."""
    if not 1 <= len(path) <= MAX_PATH or path in _OWN:
        return False
    for letter in path:
        if letter not in _LETTERS:
            return False
    return all(path.replace(".", "/").split("/"))
