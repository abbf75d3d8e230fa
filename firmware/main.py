"""Put the terminal together and keep it running. Ends only in a reset."""

import asyncio
import hashlib
import os
import sys
import time

import cryptolib

import boards
from app import clock, desk, policy, recorder, session, supervisor, version
from drivers import nor_w25q, watchdog
from link import alarm, peer, tasks
from protocol import evidence, rating, reasons
from protocol.link import TerminalLink
from store import journal, opening, settings
from ui import canvas, display, glyphs, loop, panel, strings

ASSETS = "assets"
BREATH_S = 5  # less than the watchdog's time; a terminal that cannot start must not wear out its journal


def identity(own: object, board: str, terminal: str) -> dict:
    """Return what HELLO's reply says of this terminal; `own` is None before provisioning."""
    with open(ASSETS + "/packs.json", "rb") as file:
        packs = hashlib.sha256(file.read()).digest()[:8]
    found = {"terminal": terminal, "board": board, "firmware": version.FIRMWARE}
    found.update({"epoch": own.epoch if own else 0, "journal_id": own.journal_id if own else bytes(8)})
    found.update({"caps": ["keys"], "tagver": None, "assets": {"glyphs": packs}})
    return found


def cause() -> int:
    """Return why the terminal started."""
    if watchdog.was_power_on():
        return reasons.WHY_POWER_ON
    return reasons.WHY_WATCHDOG if watchdog.was_watchdog() else reasons.WHY_RESET


async def live() -> None:
    """Build everything once, then run until a task that must live dies."""
    own = opening.load_settings(settings.PATH)
    board, terminal = settings.identity(settings.PATH)
    hardware = boards.build(boards.load(board))
    hardware.watchdog.start()
    glass = display.Display(canvas.Canvas(hardware.lcd, glyphs.open_packs(ASSETS)), strings.Strings())
    front_panel = panel.Panel(glass, hardware.lamps, hardware.buzzer)
    store, why = opening.open_journal(hardware.nor, own, settings.PATH, nor_w25q.NorError)
    time_ = clock.Clock(time.ticks_ms, time.ticks_diff, hardware.rtc)
    sealer = None
    if store is not None:
        key = evidence.event_key(own.secret, own.epoch)
        sealer = evidence.Sealer(lambda secret: cryptolib.aes(secret, 1), key, own.terminal, own.epoch)
    writer = recorder.Recorder(store, sealer, time_, own is not None and own.reveal_level)
    known = () if store is None else store.known_invites
    machine = session.Session(policy.Policy(), known, 0, lambda: os.urandom(16))
    front = desk.Desk(machine, writer, time_, front_panel, journal.JournalFull, journal.JournalError)
    front.link = TerminalLink(identity(own, board, terminal), writer, time_.now_ms())
    front.link.set_status(front.status)
    line = peer.Peer(hardware.link, front.link, time_, front.link_event)
    clock_alarm, screen_alarm, journal_alarm = alarm.Alarm(), alarm.Alarm(), alarm.Alarm()
    front_panel.wake = screen_alarm.wake
    front.wake = lambda: (clock_alarm.wake(), line.alarm.wake(), journal_alarm.wake())
    begin(front, machine, hardware, store, why)
    hardware.lcd.start()
    watched = supervisor.Supervisor(hardware.watchdog)
    watched.watch("keys", asyncio.create_task(tasks.serve_keys(hardware.keys, front)))
    watched.watch("time", asyncio.create_task(tasks.serve_time(front, time_, clock_alarm)))
    watched.watch("screen", asyncio.create_task(loop.paint(glass, hardware.lcd, time_, screen_alarm)))
    watched.watch("line", asyncio.create_task(line.run()))
    watched.watch("read", asyncio.create_task(line.read()))
    watched.watch("room", asyncio.create_task(line.watch_room()))
    if store is not None:
        watched.watch("journal", asyncio.create_task(tasks.tend_journal(store, front, time_, journal_alarm)))
    await tasks.watch(watched, supervisor.CHECK_MS)
    front.note(rating.FAULT, {recorder.f.WHY: reasons.WHY_TASK_DIED})


def begin(front: object, machine: object, hardware: object, store: object, why: int) -> None:
    """Tell what was found at the start."""
    for number in range(1, boards.CASE):
        if hardware.keys.is_down(number):
            machine.held(number, 0)
    if store is None:
        front.fail(why)
        return
    front.begin(cause(), version.FIRMWARE, store.open_invite, store.open_origin)
    if hardware.console:
        front.note(rating.MAINTENANCE, {})
    if not hardware.keys.is_down(boards.CASE):
        front.note(rating.CASE_OPENED, {})


try:
    asyncio.run(live())
except Exception as error:  # noqa: BLE001 - whatever it is, a reset is the cure; a console shows it with the jumper set
    sys.print_exception(error)
    time.sleep(BREATH_S)
finally:
    watchdog.reset()
