"""Put the terminal together. Needed only for the start: main.py lets it leave the memory."""

import asyncio
import gc
import time

import boards
from app import clock, desk, policy, recorder, session, supervisor, version
from drivers import nor_w25q, watchdog
from link import alarm, bulk, checks, joints, peer, tasks
from protocol import reasons, sealing
from protocol.link import TerminalLink
from store import content, journal, opening, settings, tags
from ui import canvas, display, glyphs, loop, panel, strings
from update import start

PACKS = "packs"  # big files that both slots share
FIRST_CHECK_MS = 300_000  # after the start, before the hall opens


def compose(console: bool) -> tuple:
    """Build everything once, biggest first; return the desk and the supervisor of the tasks."""
    update = start.Start()
    assets = update.slot + "/assets"
    own = opening.load_settings(settings.PATH)
    board, terminal = settings.identity(settings.PATH)
    hardware = boards.build(boards.load(board))
    if not console:  # whoever stops the program there has all the time
        hardware.watchdog.start()
    identity = version.identity(own, board, terminal, glyphs.version(assets))
    update.describe(identity["assets"], version.FIRMWARE)
    shelf = content.Content(content.FOLDER, identity)
    packs = glyphs.open_packs(assets, PACKS)
    glass = display.Display(canvas.Canvas(hardware.lcd, packs), strings.Strings(), shelf.card)
    front_panel = panel.Panel(glass, hardware.lamps, hardware.buzzer, hardware.voice)
    store, why = opening.open_journal(hardware.nor, own, settings.PATH, nor_w25q.NorError)
    time_ = clock.Clock(time.ticks_ms, time.ticks_diff, hardware.rtc)
    sealer = None if store is None else _sealer(own)
    writer = recorder.Recorder(store, sealer, time_, own is not None and own.reveal_level)
    known = () if store is None else store.known_invites
    table = tags.TagTable(shelf, strings.worded)
    machine = session.Session(policy.Policy(own and own.qr), known, 0, joints.new_invite, table)
    front = desk.Desk(machine, writer, time_, front_panel, journal.JournalFull, journal.JournalError)
    front.link = TerminalLink(identity, writer, time_.now_ms())
    front.link.set_status(front.status)
    taker = bulk.Bulk(shelf, front, watchdog.reset)
    front.link.take_content(taker.receiver)
    front.switch = taker.switch
    front.heap_free = gc.mem_free
    front.check_at = FIRST_CHECK_MS
    front.check = checks.checks(front, front_panel, _checked(hardware))
    line = peer.Peer(hardware.link, front.link, time_, front.link_event)
    clock_alarm, screen_alarm, journal_alarm = alarm.Alarm(), alarm.Alarm(), alarm.Alarm()
    front_panel.wake = screen_alarm.wake
    shelf.on_change = joints.each((glass.look, screen_alarm.wake))
    front.wake = joints.each((clock_alarm.wake, line.alarm.wake, journal_alarm.wake))
    for number in range(1, boards.CASE):
        if hardware.keys.is_down(number):
            machine.held(number, 0)
    if why:
        front.fail(why)
    else:
        front.begin(update.why(_cause()), store.open_invite, store.open_origin)
        front.found(console, not hardware.keys.is_down(boards.CASE))
    update.begin(front, shelf, watchdog.reset)
    hardware.lcd.start()
    watched = supervisor.Supervisor(hardware.watchdog)
    for name, task in (
        ("keys", tasks.serve_keys(hardware.keys, front)),
        ("time", tasks.serve_time(front, time_, clock_alarm)),
        ("screen", loop.paint(glass, hardware.lcd, time_, screen_alarm)),
        ("line", line.run()),
        ("read", line.read()),
        ("room", line.watch_room()),
        ("journal", tasks.tend_journal(store, front, time_, journal_alarm)),
    ):
        watched.watch(name, asyncio.create_task(task))
    if hardware.touch is not None:
        watched.watch("touch", asyncio.create_task(_touch_task(hardware.touch, front)))
    return front, watched


def _cause() -> int:
    """Return why the chip started."""
    if watchdog.was_power_on():
        return reasons.WHY_POWER_ON
    return reasons.WHY_WATCHDOG if watchdog.was_watchdog() else reasons.WHY_RESET


def _sealer(own: object) -> object:
    """Return what seals events by the settings."""
    key = sealing.event_key(own.secret, own.epoch)
    return sealing.Sealer(joints.cipher, key, own.terminal, own.epoch)


def _checked(hardware: object) -> tuple:
    """Return what a self-test looks at, in the order of self_test.quick.Chips."""
    bus = hardware.board["spi"][hardware.board["chips"]["lcd"]["spi"]]
    lcd_bus_hz = 0 if bus["miso"] is None else bus["baudrate_hz"]
    lcd, touch = hardware.lcd, hardware.touch
    return hardware.nor, hardware.rtc, lcd, lcd_bus_hz, touch, hardware.voice, hardware.keys


def _touch_task(panel: object, front: object) -> object:
    """Return the task of a board with a touch panel; no other board loads its rules."""
    from app.touch import TouchRules
    from link.touch import serve_touch

    front.touch = TouchRules()
    return serve_touch(panel, front)
