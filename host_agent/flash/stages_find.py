"""The stages before anything is changed on a board: detect, identify, drain."""

import json
import re

from host_agent.board import faults
from host_agent.board.faults import BoardFault
from host_agent.board.prompt import Prompt, PromptError
from host_agent.flash import chips, rows
from host_agent.flash.board_queue import end_epoch, never_started, take_chip
from host_agent.flash.data_port import DataPort
from host_agent.flash.job import PROMPT, TERMINAL, Job, Stage
from host_agent.flash.uf2 import LEAST_VERSION
from host_agent.provision.identity import PREFIX
from host_agent.provision.record import JOURNAL_NEW

_UID = re.compile("[0-9A-Fa-f]{16}")
_TOUCH_ADDRESS = 0x38  # only the touch board has a chip there, at the pins that both boards use for I²C

_JUMPER_PIN = 28  # low when the maintenance jumper is set, on both boards

_WHO = f"""\
import sys, os, json, binascii, machine
try:
    from machine import Pin, I2C
    _y = {_TOUCH_ADDRESS} in I2C(1, sda=Pin(26), scl=Pin(27), freq=100000).scan()
except Exception:
    _y = None
try:
    _y_jumper = not Pin({_JUMPER_PIN}, Pin.IN, Pin.PULL_UP).value()
except Exception:
    _y_jumper = False
try:
    with open("settings.json") as _y_f:
        _y_id = str(json.load(_y_f)["terminal"])
except Exception:
    _y_id = None
print(json.dumps({{"uid": binascii.hexlify(machine.unique_id()).decode(), "platform": sys.platform,
    "version": list(sys.implementation[1][:3]), "machine": sys.implementation._machine, "touch": _y,
    "terminal": _y_id, "jumper": _y_jumper}}))
"""
# What a board bears of a terminal; asked of the stock image, as ours may never have started there.
_HELD = """\
import os, json
_y_own = {}
try:
    with open("settings.json") as _y_f:
        _y_own = json.load(_y_f)
except (OSError, ValueError):
    pass
if not isinstance(_y_own, dict):
    _y_own = {}
print(json.dumps({"starts": "boot.py" in os.listdir("/"),
    "terminal": _y_own.get("terminal"), "epoch": _y_own.get("epoch"), "journal": _y_own.get("journal")}))
"""
# The lamp on the board says that it is in work; not every board has one, and none needs it.
_BLINK = """\
try:
    import machine
    _y_led = machine.Pin("LED", machine.Pin.OUT)
    _y_timer = machine.Timer(period=150, mode=machine.Timer.PERIODIC, callback=lambda _: _y_led.toggle())
except Exception:
    pass
"""


class Detect(Stage):
    """Find out what speaks at the port."""

    name = "detect"

    def run(self, job: Job) -> str:
        """Open the prompt where there is one, else hear what terminal answers."""
        trouble: BoardFault | None = None
        for device in job.devices:
            job.check_stop()
            try:
                job.prompt = Prompt(device)
                job.state = PROMPT
                return "MicroPython prompt"
            except BoardFault as error:
                trouble = error
                if error.code == faults.UNPLUGGED:
                    raise
        for device in job.devices:
            job.check_stop()
            try:
                with DataPort(device) as terminal:
                    job.hello = terminal.hello
            except BoardFault:
                continue
            job.state, job.terminal = TERMINAL, str(job.hello["terminal"])
            _require_same(job, None, job.terminal)
            return f"terminal {job.terminal}, firmware {job.hello['firmware']}"
        raise trouble or faults.no_answer(job.port)


class Identify(Stage):
    """Learn which board it is, and for which window."""

    name = "identify"

    def run(self, job: Job) -> str:
        """Give the board its row of the fleet."""
        return self._terminal(job, str(job.terminal)) if job.state == TERMINAL else self._prompt(job)

    def _prompt(self, job: Job) -> str:
        prompt = job.open_prompt
        try:
            who = json.loads(prompt.run(_WHO))
        except (PromptError, ValueError) as error:
            what = f"what runs on the board does not say what it is: {error}"
            raise BoardFault(faults.WRONG_IMAGE, what, job.port, _base_cure(None)) from None
        job.chip = chips.by_machine(who["machine"])
        if who["platform"] != "rp2" or job.chip is None:
            names = " or ".join(chip.name for chip in chips.CHIPS)
            what = f"the board says that it is {who['machine']}, needed is a board with {names}"
            raise BoardFault(faults.WRONG_CHIP, what, job.port, "unplug it and take a board of the right kind")
        version = tuple(who["version"])
        if version < LEAST_VERSION:
            text = ".".join(map(str, version))
            what = f"MicroPython {text} is on the board, needed is 1.29 or newer"
            raise BoardFault(faults.WRONG_IMAGE, what, job.port, _base_cure(job.chip))
        _require_same(job, who["uid"], who["terminal"])
        job.uid, job.jumper = who["uid"], who["jumper"]
        job.kind = None if who["touch"] is None else "t35" if who["touch"] else "k5"
        job.row = job.bench.rows.claim(job, who["terminal"])
        if job.kind not in (None, job.row.board):
            what = f"this is a {job.kind}, window {job.row.window} was to get a {job.row.board}"
            raise BoardFault(faults.WRONG_CHIP, what, job.port, "correct the fleet table, or take another board")
        prompt.run(_BLINK)
        return f"{job.chip.name} {job.uid} for {job.row.centre}/{job.row.window}"

    def _terminal(self, job: Job, terminal: str) -> str:
        """A terminal in service is only looked at, and only when this station made it what the fleet wants."""
        known = job.bench.ledger.of_terminal(terminal)
        if known is None or known.epoch != job.hello["epoch"]:
            raise faults.locked(job.port, terminal)
        running = str(job.hello["firmware"])
        if running != known.version:  # it was updated over its link since
            job.bench.ledger.note(known.uid, version=running)
        row = job.bench.rows.row_of((known.centre, known.window))
        if row is None:
            raise rows.in_service(job, terminal, (known.centre, known.window))
        if running != job.bench.images[row.board].version:
            raise faults.locked(job.port, terminal)
        job.uid, job.row = known.uid, row
        job.bench.rows.hold(known.uid, row)
        job.chip = next(chip for chip in chips.CHIPS if chip.name == known.chip)
        return f"terminal {terminal} of {row.centre}/{row.window}, locked"


class Drain(Stage):
    """Take the queue off a board before anything of it is erased."""

    name = "drain"

    def run(self, job: Job) -> str:
        """Seal the epoch's last event where the board can, and keep the whole queue in the archive."""
        try:
            held = json.loads(job.open_prompt.run(_HELD))
        except (PromptError, ValueError) as error:
            what = f"what runs on the board does not say what it holds: {error}"
            raise BoardFault(faults.BOARD, what, job.port, _base_cure(job.chip)) from None
        if job.open_prompt.make_room(lambda: reversed(job.bench.ports_of(job.group, ""))):
            job.open_prompt.run(_BLINK)
        said = self._queue(job, held)
        job.bench.ledger.note(job.uid, drained=1)
        return said

    def _queue(self, job: Job, held: dict) -> str:
        """Take the queue off a board and say what it was. Raises BoardFault.

        What the ledger says counts only for a board that has not been able to start since: one that was, is asked.
        """
        terminal, epoch = held["terminal"], held["epoch"]
        is_named = isinstance(terminal, str) and isinstance(epoch, int)
        if is_named and held["journal"] == JOURNAL_NEW:
            never_started(job, terminal, epoch)
            return f"terminal {terminal} never started in epoch {epoch}; {take_chip(job)}"
        board = job.bench.ledger.board(job.uid)
        done_before = board is not None and board.drained and not held["starts"]
        said = end_epoch(job, terminal, epoch) if is_named and not done_before else None
        return take_chip(job) if said is None else said


def _require_same(job: Job, uid: str | None, terminal: str | None) -> None:
    """Raise BoardFault when the board is not the one whose USB serial number stood at its ports.

    A serial number of neither form is that of an image or firmware of somebody else, and proves nothing.
    """
    serial = job.serial or ""
    own = terminal if serial.startswith(PREFIX) else uid if _UID.fullmatch(serial) else None
    if own is not None and own.casefold() != serial.casefold():
        raise faults.another_board(job.port, f"board {serial}", f"board {own}")


def _base_cure(chip: chips.Chip | None) -> str:
    image = chip.image if chip else "its chip"
    return f"hold BOOTSEL while plugging in, then `yiping flash base --uf2` with the image for {image}"
