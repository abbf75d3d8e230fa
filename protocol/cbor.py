"""Deterministic CBOR, the subset of RFC 8949 section 4.2.1 that Yiping uses.

Integers of 64 bits, byte and text strings, arrays, maps, true, false and null. Encoding is shortest-form with map
keys in bytewise order of their encodings; decoding refuses everything else (floats, tags, indefinite lengths, longer
forms, unsorted or double keys). Map keys are integers, byte or text strings.
"""

from protocol.errors import CborError

MAX_DEPTH = 8  # nested arrays and maps; bounds the recursion on the terminal's stack

_SIZES = {24: 1, 25: 2, 26: 4, 27: 8}  # additional information → bytes of the argument


def encode(obj: object) -> bytes:
    """Return the one deterministic encoding of `obj`; CborError if it has none."""
    out = bytearray()
    _put(out, obj, 0)
    return bytes(out)


def decode(data: bytes | bytearray | memoryview) -> object:
    """Return the one object that is the whole of `data`; CborError otherwise."""
    obj, end = decode_prefix(data)
    if end != len(data):
        raise CborError(f"{len(data) - end} bytes after the object")
    return obj


def decode_prefix(data: bytes | bytearray | memoryview) -> tuple:
    """Return (object, offset of the first byte after it); CborError if `data` starts with no whole object."""
    return take(bytes(data), 0, 0)


def _put_head(out: bytearray, major: int, value: int) -> None:
    major <<= 5
    if value < 24:
        out.append(major | value)
    elif value < 256:
        out.append(major | 24)
        out.append(value)
    elif value < 65_536:
        out.append(major | 25)
        out += value.to_bytes(2, "big")
    else:
        size = 8 if value >> 32 else 4
        if value >> 64:
            raise CborError("integer over 64 bits")
        out.append(major | (27 if size == 8 else 26))
        out += value.to_bytes(size, "big")


def _put(out: bytearray, obj: object, depth: int) -> None:
    # What an event has most of comes first: sealing one stands between a press and its first pixel.
    if isinstance(obj, int) and not isinstance(obj, bool):
        if obj >= 0:
            _put_head(out, 0, obj)
        else:
            _put_head(out, 1, -1 - obj)
    elif isinstance(obj, (bytes, bytearray, memoryview)):
        _put_head(out, 2, len(obj))
        out += obj
    elif obj is None:
        out.append(0xF6)
    elif isinstance(obj, bool):
        out.append(0xF5 if obj else 0xF4)
    elif isinstance(obj, str):
        text = obj.encode()
        _put_head(out, 3, len(text))
        out += text
    elif depth >= MAX_DEPTH:
        raise CborError(f"nested deeper than {MAX_DEPTH}")
    elif isinstance(obj, (list, tuple)):
        _put_head(out, 4, len(obj))
        for item in obj:
            _put(out, item, depth + 1)
    elif isinstance(obj, dict):
        _put_map(out, obj, depth + 1)
    else:
        raise CborError(f"no CBOR for {type(obj)}")


def _put_map(out: bytearray, obj: dict, depth: int) -> None:
    encoded = {}
    for key, value in obj.items():
        if type(key) is int and 0 <= key < 24:
            encoded[bytes((key,))] = value
            continue
        if isinstance(key, bool) or not isinstance(key, (int, bytes, str)):
            raise CborError("map key must be an integer, bytes or text")
        encoded[encode(key)] = value
    _put_head(out, 5, len(encoded))
    for key in sorted(encoded):
        out += key
        _put(out, encoded[key], depth)


def take_head(data: bytes, at: int) -> tuple:
    """Return (major type, argument, offset after the head)."""
    if at >= len(data):
        raise CborError("ends inside an object")
    first = data[at]
    info = first & 31
    at += 1
    if info < 24:
        return first >> 5, info, at
    size = _SIZES.get(info)
    if size is None:
        raise CborError(f"head 0x{first:02x} is indefinite or reserved")
    if at + size > len(data):
        raise CborError("ends inside a number")
    value = int.from_bytes(data[at : at + size], "big")
    if value < 24 or (size > 1 and not value >> 4 * size):
        raise CborError("number is not in its shortest form")
    return first >> 5, value, at + size


def take(data: bytes, at: int, depth: int = 0) -> tuple:
    """Return (object, offset after it) of what begins at `at`; CborError if that is no whole object."""
    major, value, at = take_head(data, at)
    if major == 0:
        return value, at
    if major == 1:
        return -1 - value, at
    if major <= 3:
        return _take_string(data, at, value, major == 3)
    if major <= 5:
        if depth >= MAX_DEPTH:
            raise CborError(f"nested deeper than {MAX_DEPTH}")
        if value > len(data) - at:  # each item has at least one byte: no allocation for a false count
            raise CborError("ends inside an array or map")
        return (_take_array if major == 4 else _take_map)(data, at, value, depth + 1)
    if major == 7 and 20 <= value <= 22:  # a longer head with such a value was refused above
        return (False, True, None)[value - 20], at
    raise CborError("tag, float or unknown simple value")


def _take_string(data: bytes, at: int, size: int, text: bool) -> tuple:
    end = at + size
    if end > len(data):
        raise CborError("ends inside a string")
    piece = data[at:end]
    if not text:
        return piece, end
    try:
        return piece.decode(), end
    except UnicodeError:
        raise CborError("text is not UTF-8") from None


def _take_array(data: bytes, at: int, count: int, depth: int) -> tuple:
    items = []
    for _ in range(count):
        item, at = take(data, at, depth)
        items.append(item)
    return items, at


def _take_map(data: bytes, at: int, count: int, depth: int) -> tuple:
    items = {}
    before = b""
    for _ in range(count):
        key, end = take(data, at, depth)
        encoded = data[at:end]
        if encoded <= before:
            raise CborError("map keys are not in order")
        if isinstance(key, bool) or not isinstance(key, (int, bytes, str)):
            raise CborError("map key must be an integer, bytes or text")
        before = encoded
        items[key], at = take(data, end, depth)
    return items, at
