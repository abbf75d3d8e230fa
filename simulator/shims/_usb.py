"""machine.USBDevice as MicroPython 1.29 has it; the host is simulator/chips/usb_host.py."""

import struct
import sys

import _bus
from micropython import const

_CONFIG = const(0x30)
_ACTIVE = const(0x31)
_SUBMIT = const(0x32)
_STALL = const(0x33)
_CONTROL_REPLY = const(0x34)
_BUS_RESET = const(0x90)
_OPEN = const(0x91)
_SETUP = const(0x92)
_XFER = const(0x93)
_STATE = const(0x94)
_EINVAL = const(22)
_EBUSY = const(16)
_IN = const(0x80)
_EP_MAX = const(16)
_STRINGS = const(16)


class _Builtin:
    """Descriptors of the drivers compiled into the firmware image."""

    def __init__(self, itf_max: int, ep_max: int, str_max: int, cfg: bytes) -> None:
        self.itf_max = itf_max
        self.ep_max = ep_max
        self.str_max = str_max
        self.desc_dev = (
            b"\x12\x01\x00\x02\xef\x02\x01\x40" + struct.pack("<HHH", 0x2E8A, 0x0005, 0x0100) + b"\x01\x02\x03\x01"
        )
        self.desc_cfg = cfg


_CDC_CFG = (
    b"\x09\x02\x4b\x00\x02\x01\x00\x80\x7d\x08\x0b\x00\x02\x02\x02\x00\x00\x09\x04\x00\x00\x01\x02\x02\x00\x04"
    b"\x05\x24\x00\x20\x01\x05\x24\x01\x00\x01\x04\x24\x02\x06\x05\x24\x06\x00\x01\x07\x05\x81\x03\x08\x00\x10"
    b"\x09\x04\x01\x00\x02\x0a\x00\x00\x00\x07\x05\x02\x02\x40\x00\x00\x07\x05\x82\x02\x40\x00\x00"
)


_builtin_up = False


class USBDevice:
    """The one USB device of the chip."""

    BUILTIN_NONE = _Builtin(0, 0, 1, b"")
    BUILTIN_DEFAULT = _Builtin(2, 3, 5, _CDC_CFG)
    BUILTIN_CDC = BUILTIN_DEFAULT
    XFER_SUCCESS = const(0)
    XFER_FAILED = const(1)
    XFER_STALLED = const(2)

    _one = None

    def __new__(cls):
        if cls._one is None:
            usb = cls._one = object.__new__(cls)
            usb._builtin = cls.BUILTIN_NONE
            usb._active = False
            usb._configured = False
            usb._dev = usb._cfg = usb._strs = None
            usb._open_cb = usb._reset_cb = usb._control_cb = usb._xfer_cb = None
            usb._pending = {}
            usb._stalled = set()
        return cls._one

    @property
    def builtin_driver(self):
        """The built-in drivers kept beside the runtime ones; only changed while inactive."""
        return self._builtin

    @builtin_driver.setter
    def builtin_driver(self, value) -> None:
        if self._active:
            raise OSError(_EINVAL)
        self._builtin = value

    def config(
        self, desc_dev, desc_cfg, desc_strs=None, open_itf_cb=None, reset_cb=None, control_xfer_cb=None, xfer_cb=None
    ) -> None:
        """Set descriptors and callbacks. Raises ValueError for an argument of the wrong kind."""
        for value, name in ((desc_dev, "desc_dev"), (desc_cfg, "desc_cfg")):
            try:
                memoryview(value)
            except TypeError:
                raise ValueError(name)
        if not (desc_strs is None or isinstance(desc_strs, (list, tuple, dict)) or hasattr(desc_strs, "__getitem__")):
            raise ValueError("desc_strs")
        self._dev, self._cfg, self._strs = desc_dev, desc_cfg, desc_strs
        self._open_cb, self._reset_cb = open_itf_cb, reset_cb
        self._control_cb, self._xfer_cb = control_xfer_cb, xfer_cb

    def _string(self, index: int):
        try:
            return self._strs[index]
        except (KeyError, IndexError):
            return None

    def _tell_descriptors(self) -> None:
        dev = bytes(self._builtin.desc_dev if self._dev is None else self._dev)
        cfg = bytes(self._builtin.desc_cfg if self._cfg is None else self._cfg)
        parts = [struct.pack("<HH", len(dev), len(cfg)), dev, cfg]
        for index in range(_STRINGS):
            text = None if self._strs is None else self._string(index)
            if text is not None:
                raw = text.encode() if isinstance(text, str) else bytes(text)
                parts.append(bytes((index, len(raw))) + raw)
        _bus.post(_CONFIG, 0, self._builtin.itf_max, b"".join(parts))

    def active(self, value=None) -> bool:
        """Return whether the device is on the bus; attach or detach it when a value is given."""
        before = self._active
        if value is None or bool(value) == before:
            return before
        if value and self._dev is None and self._builtin is USBDevice.BUILTIN_NONE:
            raise OSError(_EINVAL)
        self._active = bool(value)
        self._configured = False
        self._pending.clear()
        if value:
            if _builtin_up:  # the host must look again
                _bus.post(_ACTIVE, 0, 0)
            self._tell_descriptors()
        _bus.post(_ACTIVE, 0, 1 if value else 0)
        return before

    def submit_xfer(self, ep: int, buffer) -> bool:
        """Start a transfer. Raises OSError(EINVAL) when inactive, OSError(EBUSY) while one is under way."""
        if not self._active:
            raise OSError(_EINVAL)
        if ep & 0x7F == 0 or ep & 0x7F >= _EP_MAX:
            raise ValueError("ep")
        n = _bus.nbytes(buffer)
        if ep in self._pending:
            raise OSError(_EBUSY)
        if not self._configured:
            return False
        self._pending[ep] = buffer
        if ep & _IN:
            _bus.post(_SUBMIT, ep, 0, buffer)
        else:
            _bus.post(_SUBMIT, ep, n)
        return True

    def stall(self, ep: int, stall=None) -> bool:
        """Return whether an endpoint is stalled; change it when a value is given."""
        if not self._active:
            raise OSError(_EINVAL)
        before = ep in self._stalled
        if stall is not None:
            if stall:
                self._stalled.add(ep)
            else:
                self._stalled.discard(ep)
            _bus.post(_STALL, ep, 1 if stall else 0)
        return before

    def remote_wakeup(self) -> bool:
        """Return False: the host never suspends the device."""
        return False


def start_builtin() -> None:
    """Bring up the image's own console after boot.py, unless that has taken the bus (mp_usbd_init)."""
    global _builtin_up
    if USBDevice._one is None:
        _builtin_up = True
        _bus.post(_CONFIG, 0, 2, struct.pack("<HH", 18, len(_CDC_CFG)) + USBDevice.BUILTIN_DEFAULT.desc_dev + _CDC_CFG)
        _bus.post(_ACTIVE, 0, 1)


def _guard(function, *args):
    """Call a callback; its error is printed and stands for a refusal."""
    try:
        return function(*args)
    except Exception as error:  # noqa: BLE001 - the chip prints it and goes on
        sys.print_exception(error)
        return False


def _on_reset(unit: int, a: int, payload) -> None:
    usb = USBDevice()
    usb._pending.clear()
    usb._configured = False
    if usb._reset_cb is not None:
        _guard(usb._reset_cb)


def _on_state(unit: int, a: int, payload) -> None:
    USBDevice()._configured = bool(a)


def _on_open(unit: int, a: int, payload) -> None:
    usb = USBDevice()
    if usb._open_cb is not None:
        n = payload[0] | payload[1] << 8
        _guard(usb._open_cb, memoryview(usb._cfg)[a : a + n])


def _on_setup(unit: int, a: int, payload) -> None:
    """Run the stages of one control transfer; `payload` is the request and the data of the host."""
    usb = USBDevice()
    request = memoryview(payload)[:8]
    result = False if usb._control_cb is None else _guard(usb._control_cb, 1, request)
    data = b""
    if result is not True and result is not False and result is not None:
        if payload[0] & _IN:
            data = bytes(result)[: payload[6] | payload[7] << 8]
        else:
            n = min(len(payload) - 8, len(result))
            memoryview(result)[:n] = memoryview(payload)[8 : 8 + n]
        result = _guard(usb._control_cb, 2, request)
    if not result:
        _bus.post(_CONTROL_REPLY, 0, 0)
        return
    _bus.post(_CONTROL_REPLY, 0, 1, data)
    _guard(usb._control_cb, 3, request)


def _on_xfer(unit: int, a: int, payload) -> None:
    usb = USBDevice()
    buffer = usb._pending.pop(unit, None)
    if buffer is None:
        return
    if payload:
        memoryview(buffer)[: len(payload)] = payload
    if usb._xfer_cb is not None:
        _guard(usb._xfer_cb, unit, 0, a)


_bus.handlers[_BUS_RESET] = _on_reset
_bus.handlers[_STATE] = _on_state
_bus.handlers[_OPEN] = _on_open
_bus.handlers[_SETUP] = _on_setup
_bus.handlers[_XFER] = _on_xfer
