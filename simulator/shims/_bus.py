"""Carry the chip's peripheral accesses to the simulator and its events back (see simulator/bus.py).

Virtual clock: time moves by what the bus transfers take, a few µs a call, and by waiting; a wait that ends
before the simulator's next event is not even sent. Real clock: time is the host's monotonic clock.
Nothing is allocated by a posted access or a wait that brings no event.
"""

import sys
import uctypes
import uos
import uselect
import utime
from micropython import const, heap_lock, heap_unlock

BOOT = const(0x01)
IDLE = const(0x38)
RESET = const(0x39)
MAIN_ENDED = const(0x3A)
_KEYBOARD = const(0x95)
FOREVER = const(0x2000000000000000)
CALL_US = const(4)  # one peripheral call of the interpreter on the chip, rounded
TICK_US = const(1)
_SYNC_US = const(1000)  # a loop that only reads the clock asks for events this often

_LITTLE = uctypes.LITTLE_ENDIAN
_FLAT = (bytes, bytearray, memoryview)
_out = bytearray(16)
_in = bytearray(8)
_HEADER = {"op": uctypes.UINT8, "unit": uctypes.UINT8 | 1, "a": uctypes.UINT16 | 2, "len": uctypes.UINT32 | 4}
_IN = uctypes.struct(uctypes.addressof(_in), _HEADER, _LITTLE)
_OUT_HEADER = dict(_HEADER)
_OUT_HEADER["t"] = uctypes.UINT64 | 8
_OUT = uctypes.struct(uctypes.addressof(_out), _OUT_HEADER, _LITTLE)
_until = bytearray(8)
_UNTIL = uctypes.struct(uctypes.addressof(_until), {"t": uctypes.UINT64}, _LITTLE)
_woken = bytearray(16)
_WOKEN = uctypes.struct(uctypes.addressof(_woken), {"now": uctypes.UINT64, "horizon": uctypes.UINT64 | 8}, _LITTLE)

_file = open(int(uos.getenv("SIM_FD")), "rb+")
_poller = uselect.poll()
_poller.register(_file, uselect.POLLIN)

handlers = {}  # op of an event -> function(unit, a, payload)
before_send = None  # called before anything else is sent (a watchdog feed not yet told)

virtual = True
cause = 1
unique_id = b""
seed = 0
tick_start_us = 0
_epoch_us = 0
_boot_us = 0
_now_us = 0
_horizon_us = 0
_sync_us = 0
_served_us = 0
_dirty = True
_masked = 0
_hard = False
_dispatching = False
_events = []
interruptible = False  # there is no program yet
_interrupted = False
reply = b""


def start() -> None:
    """Ask the simulator which clock, reset cause and chip this is."""
    global virtual, cause, unique_id, seed, tick_start_us, _epoch_us, _boot_us, _now_us
    call(BOOT)
    virtual = bool(reply[0])
    cause = reply[1]
    _now_us = int.from_bytes(reply[2:10], "little")
    _boot_us = _now_us
    _epoch_us = int.from_bytes(reply[10:18], "little")
    tick_start_us = int.from_bytes(reply[18:26], "little")
    unique_id = bytes(reply[26:34])
    seed = int.from_bytes(reply[34:38], "little")


def now() -> int:
    """Return the simulator's time in µs; a virtual clock moves a little by being read."""
    global _now_us
    if not virtual:
        return utime.ticks_us() - _epoch_us
    _now_us += TICK_US
    if _now_us >= _sync_us and not _dispatching:
        wait(_now_us)
    return _now_us


def uptime_us() -> int:
    """Return the µs since the chip started, plus the configured start of its counter."""
    return now() - _boot_us + tick_start_us


def spend(us: int) -> None:
    """Let bus or processor time pass on a virtual clock."""
    global _now_us
    if virtual:
        _now_us += us


def post(op: int, unit: int = 0, a: int = 0, data=None) -> None:
    """Send an access that needs no answer."""
    global _dirty, _sync_us, _served_us
    if before_send is not None:
        before_send()
    _send(op, unit, a, data)
    if virtual:
        if not _dirty:
            _dirty = True
            if _sync_us > _now_us + _SYNC_US:
                _sync_us = _now_us + _SYNC_US
        spend(CALL_US)
        if _now_us >= _sync_us and not _dispatching:
            wait(_now_us)
    elif _OUT.t - _served_us > _SYNC_US and not _dispatching:
        _served_us = _OUT.t
        service()


def call(op: int, unit: int = 0, a: int = 0, data=None, into=None) -> int:
    """Send an access, wait for its answer, return its `a`; the payload is in `into` or `reply`."""
    global _dirty
    if before_send is not None:
        before_send()
    _send(op, unit, a, data)
    result = _receive(into)
    if virtual:
        _dirty = True
        spend(CALL_US)
    _dispatch()
    return result


def send_late(op: int, t_us: int) -> None:
    """Send an access that was made at `t_us` and put off until now."""
    _OUT.op = op
    _OUT.unit = 0
    _OUT.a = 0
    _OUT.len = 0
    _OUT.t = t_us
    _write(_out)


def _send(op: int, unit: int, a: int, data) -> None:
    _OUT.op = op
    _OUT.unit = unit
    _OUT.a = a
    _OUT.len = 0 if data is None else nbytes(data)
    _OUT.t = _now_us if virtual else utime.ticks_us() - _epoch_us
    _write(_out)
    if _OUT.len:
        _write(data)


def nbytes(data) -> int:
    """Return the length of an object with a buffer of bytes."""
    if isinstance(data, _FLAT):
        return len(data)
    return len(memoryview(data))


def _write(data) -> None:
    done = _file.write(data)
    total = nbytes(data)
    while done < total:
        done += _file.write(memoryview(data)[done:])


def _read_into(buffer, n: int) -> None:
    got = _file.readinto(buffer)
    while got < n:
        more = _file.readinto(memoryview(buffer)[got:])
        if not more:
            raise SystemExit("the simulator is gone")
        got += more


def _receive(into) -> int:
    """Read up to the answer, keeping the events that come before it."""
    global reply
    while True:
        _read_into(_in, 8)
        if _IN.op & 0x80:
            _keep_event()
            continue
        a, n = _IN.a, _IN.len
        if n:
            if into is None:
                into = bytearray(n)
                reply = into
            _read_into(into, n)
        return a


def _keep_event() -> None:
    op, unit, a, n = _IN.op, _IN.unit, _IN.a, _IN.len
    if _hard:
        heap_unlock()  # the event is the simulator's, not the handler's
    payload = None
    if n:
        payload = bytearray(n)
        _read_into(payload, n)
    _events.append((op, unit, a, payload))
    if _hard:
        heap_lock()


def _dispatch() -> None:
    """Run the handlers of what has arrived, as interrupts would between two bytecodes."""
    global _dispatching, _interrupted
    if not _events or _masked or _dispatching:
        return
    _dispatching = True
    try:
        while _events and not _masked:
            op, unit, a, payload = _events.pop(0)
            if op == _KEYBOARD:
                _interrupted = interruptible and bool(a)  # 0 takes it back: the interpreter was told by a signal
                continue
            handler = handlers.get(op)
            if handler is not None:
                handler(unit, a, payload)
    finally:
        _dispatching = False
    if _interrupted:
        _interrupted = False
        raise KeyboardInterrupt


def run_handler(handler, argument, hard: bool) -> None:
    """Call an interrupt handler; a hard one may not allocate. Its errors are printed, as on the chip."""
    global _hard
    try:
        if hard:
            _hard = True
            heap_lock()
            try:
                handler(argument)
            finally:
                heap_unlock()
                _hard = False
        else:
            handler(argument)
    except Exception as error:  # noqa: BLE001 - the chip prints it and goes on
        print("Uncaught exception in IRQ callback handler")
        sys.print_exception(error)


def mask() -> int:
    """Hold interrupts back; returns the state for `unmask`."""
    global _masked
    before = _masked
    _masked = 1
    return before


def unmask(state: int) -> None:
    """Restore what `mask` returned and run what has waited."""
    global _masked
    _masked = state
    _dispatch()


def wait(until_us: int) -> bool:
    """Sleep until `until_us` or an event; True when there was an event."""
    global _now_us, _horizon_us, _sync_us, _dirty
    if not virtual:
        return _wait_real(until_us)
    if not _dirty and until_us < _horizon_us:
        if until_us > _now_us:
            _now_us = until_us
        return False
    if before_send is not None:
        before_send()
    _UNTIL.t = until_us
    _send(IDLE, 0, 0, _until)
    _receive(_woken)
    _now_us = max(_now_us, _WOKEN.now)
    _horizon_us = _sync_us = _WOKEN.horizon
    _dirty = False
    happened = bool(_events)
    _dispatch()
    return happened


def _wait_real(until_us: int) -> bool:
    left_ms = -1
    if until_us < FOREVER:
        left_ms = (until_us - (utime.ticks_us() - _epoch_us) + 999) // 1000
        if left_ms < 0:
            left_ms = 0
    happened = False
    for _ in _poller.ipoll(left_ms):
        happened = True
    if happened:
        service()
    return happened


def service() -> None:
    """Run what has arrived without waiting (real clock; a virtual one brings events only when it waits)."""
    if virtual:
        return
    more = True
    while more:
        more = False
        for _ in _poller.ipoll(0):
            more = True
        if more:
            _read_into(_in, 8)
            _keep_event()
    _dispatch()


def watch_with(stream, mask: int) -> None:
    """Let a stream of the host (standard input) end a real wait too."""
    _poller.register(stream, mask)


def unwatch(stream) -> None:
    """Undo `watch_with`."""
    _poller.unregister(stream)
