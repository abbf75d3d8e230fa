"""Check the descriptors of a device as a host does and find its CDC-ACM port (USB 2.0 9.6, CDC 1.2 5.2)."""

from typing import NamedTuple

DEVICE, CONFIGURATION, STRING, INTERFACE, ENDPOINT, ASSOCIATION, CS_INTERFACE = 1, 2, 3, 4, 5, 11, 0x24
_COMM, _CDC_DATA, _ACM = 0x02, 0x0A, 0x02
_BULK, _INTERRUPT = 2, 3
_UNION = 0x06


class DescriptorError(Exception):
    """The host would refuse the device; the text says why."""


class AcmPort(NamedTuple):
    """The serial port of a device: its ids, endpoints and the interface groups of its configuration."""

    vid: int
    pid: int
    manufacturer: str
    product: str
    serial: str
    control_itf: int
    notify_ep: int | None
    in_ep: int
    out_ep: int
    packet_bytes: int
    groups: tuple[tuple[int, int], ...]  # (offset, length) in the configuration descriptor, as open_itf_cb gets them


def parse(device: bytes, configuration: bytes, strings: dict[int, bytes]) -> AcmPort:
    """Return the port. Raises DescriptorError."""
    vid, pid, names = _device(device, strings)
    parts = _walk(configuration)
    control, notify, data = _control_interface(configuration, parts)
    in_ep, out_ep, packet = _data_interface(configuration, parts, data)
    return AcmPort(vid, pid, *names, control, notify, in_ep, out_ep, packet, _groups(configuration, parts))


def _device(device: bytes, strings: dict[int, bytes]) -> tuple[int, int, tuple[str, str, str]]:
    if len(device) != 18 or device[0] != 18 or device[1] != DEVICE:
        raise DescriptorError("the device descriptor is not 18 bytes of type 1")
    if device[7] not in (8, 16, 32, 64):
        raise DescriptorError(f"bMaxPacketSize0 is {device[7]}")
    if device[17] != 1:
        raise DescriptorError(f"{device[17]} configurations, one is handled")
    names = _text(strings, device[14]), _text(strings, device[15]), _text(strings, device[16])
    return int.from_bytes(device[8:10], "little"), int.from_bytes(device[10:12], "little"), names


def _text(strings: dict[int, bytes], index: int) -> str:
    if not index:
        return ""
    raw = strings.get(index, b"")
    if not raw.isascii():
        raise DescriptorError(f"string {index} is not ASCII")
    return raw.decode("ascii")


def _walk(cfg: bytes) -> list[tuple[int, int]]:
    """Return (offset, type) of each descriptor after the header, with lengths and counts checked."""
    if len(cfg) < 9 or cfg[0] != 9 or cfg[1] != CONFIGURATION:
        raise DescriptorError("the configuration descriptor does not begin with 09 02")
    total = int.from_bytes(cfg[2:4], "little")
    if total != len(cfg):
        raise DescriptorError(f"wTotalLength is {total}, the descriptor has {len(cfg)} bytes")
    if not cfg[7] & 0x80:
        raise DescriptorError("bit 7 of bmAttributes must be set")
    parts, offset, endpoints, wanted, interfaces = [], 9, set(), 0, set()
    while offset < total:
        length = cfg[offset]
        if length < 2 or offset + length > total:
            raise DescriptorError(f"descriptor at {offset} has length {length}")
        kind = cfg[offset + 1]
        if kind == INTERFACE:
            if wanted:
                raise DescriptorError(f"interface before offset {offset} lacks {wanted} endpoints")
            interfaces.add(cfg[offset + 2])
            wanted = cfg[offset + 4]
        elif kind == ENDPOINT:
            _endpoint(cfg, offset, endpoints)
            wanted -= 1
        parts.append((offset, kind))
        offset += length
    if wanted:
        raise DescriptorError("bNumEndpoints does not match the endpoints")
    if len(interfaces) != cfg[4]:
        raise DescriptorError(f"bNumInterfaces is {cfg[4]}, there are {len(interfaces)}")
    return parts


def _endpoint(cfg: bytes, offset: int, seen: set[int]) -> None:
    address, kind = cfg[offset + 2], cfg[offset + 3] & 3
    size = int.from_bytes(cfg[offset + 4 : offset + 6], "little")
    if address & 0x70 or not address & 0x0F or address in seen:
        raise DescriptorError(f"endpoint address {address:#04x}")
    seen.add(address)
    if kind == _BULK and size not in (8, 16, 32, 64):
        raise DescriptorError(f"bulk endpoint {address:#04x} of {size} bytes at full speed")
    if kind == _INTERRUPT and (size > 64 or not cfg[offset + 6]):
        raise DescriptorError(f"interrupt endpoint {address:#04x}: size {size}, interval {cfg[offset + 6]}")


def _inside(cfg: bytes, parts: list[tuple[int, int]], start: int) -> list[tuple[int, int]]:
    """Return the parts that belong to the interface at index `start`."""
    end = start + 1
    while end < len(parts) and parts[end][1] not in (INTERFACE, ASSOCIATION):
        end += 1
    return parts[start + 1 : end]


def _control_interface(cfg: bytes, parts: list[tuple[int, int]]) -> tuple[int, int | None, int]:
    """Return (interface, notification endpoint, data interface) of the last ACM function: a console comes first."""
    found = None
    for index, (offset, kind) in enumerate(parts):
        if kind == INTERFACE and cfg[offset + 5] == _COMM and cfg[offset + 6] == _ACM:
            inside = _inside(cfg, parts, index)
            unions = [cfg[o + 4] for o, k in inside if k == CS_INTERFACE and cfg[o + 2] == _UNION]
            if not unions:
                raise DescriptorError("the ACM interface has no union descriptor")
            notify = [cfg[o + 2] for o, k in inside if k == ENDPOINT]
            found = cfg[offset + 2], notify[0] if notify else None, unions[0]
    if found is None:
        raise DescriptorError("no CDC-ACM interface")
    return found


def _data_interface(cfg: bytes, parts: list[tuple[int, int]], number: int) -> tuple[int, int, int]:
    for index, (offset, kind) in enumerate(parts):
        if kind != INTERFACE or cfg[offset + 5] != _CDC_DATA or cfg[offset + 2] != number:
            continue
        ends = [(cfg[o + 2], cfg[o + 4]) for o, k in _inside(cfg, parts, index) if k == ENDPOINT]
        ins = [address for address, _ in ends if address & 0x80]
        outs = [address for address, _ in ends if not address & 0x80]
        if len(ins) == 1 and len(outs) == 1:
            return ins[0], outs[0], min(size for _, size in ends)
    raise DescriptorError("no CDC data interface with one IN and one OUT endpoint")


def _groups(cfg: bytes, parts: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Return the runs of descriptors the device's driver claims: per association, else per interface."""
    groups: list[tuple[int, int]] = []
    start, left = None, 0
    for offset, kind in [*parts, (len(cfg), 0)]:
        first_setting = kind == INTERFACE and cfg[offset + 3] == 0
        if start is not None and (kind in (0, ASSOCIATION) or (first_setting and left == 0)):
            groups.append((start, offset - start))
            start = None
        if kind == ASSOCIATION:
            left = cfg[offset + 3]
        elif first_setting:
            start = offset if start is None else start
            left = max(0, left - 1)
    return tuple(groups)
