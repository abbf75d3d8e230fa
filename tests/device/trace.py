"""All that can be seen, heard or counted of one rating, with its times: what must not tell which level was pressed.

A trace begins when the finger comes down (k5) or is lifted (t35) and holds rows (µs since then, what, value). Texts and
pictures are kept as they stood at fixed times, the place of the level apart from the rest.
"""

import random
from hashlib import sha256
from pathlib import Path

from PIL import Image

from tests.device.counter import Counter
from ui import layout, layout_t35

LAYOUTS = {"k5": layout, "t35": layout_t35}
LOOK_MS = 250
CHANGE_SEEN_MS = 2_000  # from the press on nothing on the glass may tell the level
TAP_MS = 80
SPEAKS_MS = 5_000  # after a start
REST_MS = 2_000  # of idle at the end

Row = tuple[int, str, object]


class Trace:
    """What one rating of `key` showed, with the policy's defaults: chosen, the offer to go on, idle."""

    def __init__(self, folder: Path, board: str, key: int) -> None:
        self.rows: list[Row] = []
        self.around: list[tuple[int, str]] = []  # (ms, hash of the glass without the level card)
        self.card: list[tuple[int, str]] = []  # (ms, hash of the level card)
        self.box = _level_card(board)
        with Counter(folder, seed=1, board=board) as counter:
            counter.login()
            counter.terminal.wiring.voice.tracks = dict.fromkeys(range(1, 13), 1_500)
            counter.run(SPEAKS_MS)  # from then on the invite is spoken, too
            counter.open_invite()
            self._counter = counter
            self._begin_us = counter.terminal.now_us
            self._seqs = set(counter.events)
            self.lamps_before = counter.terminal.lamp_light()
            self._heard = len(counter.terminal.wiring.voice.heard)
            self._watch()
            self._act(board, key)
            self._follow()
            counter.settle()
            self._end()
            self.levels = counter.levels()

    def _note(self, what: str, value: object) -> None:
        self.rows.append((self._counter.terminal.now_us - self._begin_us, what, value))

    def _watch(self) -> None:
        """Note every change of lamps and glass, every tone, program of the chip and transfer on the cable."""
        terminal = self._counter.terminal
        wiring, usb = terminal.wiring, terminal.engine.soc.usb
        if wiring.lamps is not None:
            wiring.lamps.on_change = lambda t_us: self._note("lamps", terminal.lamp_light())
            wiring.key_lamps.on_change = lambda t_us: self._note("dim", (terminal.lamp_light(), wiring.key_lamps.ma))
        wiring.lcd.on_change = lambda t_us: self._note("pixels", None)
        wiring.buzzer.on_change = lambda tone: self._note("tone", tone.freq_hz)
        program, on_data, on_sent = wiring.nor.array.program, usb.on_data, usb.on_sent
        on_event = self._counter.peer.on_event

        def noted_program(address: int, data: bytes) -> None:
            program(address, data)
            self._note("program", (address, len(data)))

        def noted_data(data: bytes) -> bool:
            self._note("from terminal", len(data))
            return on_data(data)

        def noted_sent(data: bytes) -> None:
            self._note("to terminal", len(data))
            on_sent(data)

        def noted_event(event: tuple) -> None:
            if event[0] == "state":
                self._note("state", event[1]["state"])
            on_event(event)

        wiring.nor.array.program = noted_program
        usb.on_data, usb.on_sent = noted_data, noted_sent
        self._counter.peer.on_event = noted_event

    def _act(self, board: str, key: int) -> None:
        """Press the key or tap the column."""
        terminal = self._counter.terminal
        if board == "k5":
            terminal.wiring.keys[key]._rng = random.Random(1)  # contacts bounce by chance, not by level
            terminal.press(key)
            return
        wide = layout_t35.WIDTH // 5
        terminal.tap(wide * key - wide // 2, layout_t35.MARKS_TOP + 80, TAP_MS)
        self._counter.run(TAP_MS)
        self._begin_us = terminal.now_us

    def _follow(self) -> None:
        """Look at the glass at fixed times until the terminal rests."""
        resting = 0
        while resting * LOOK_MS < REST_MS:
            self._counter.run(LOOK_MS)
            resting = resting + 1 if self._counter.state == "idle" else 0
            self._note("light", self._counter.terminal.wiring.backlight.level)
            picture = self._counter.terminal.screenshot()
            at_ms = (self._counter.terminal.now_us - self._begin_us) // 1000
            self.card.append((at_ms, _hash(picture.crop(self.box))))
            picture.paste(0, self.box)
            self.around.append((at_ms, _hash(picture)))

    def _end(self) -> None:
        counter = self._counter
        for heard in counter.terminal.wiring.voice.heard[self._heard :]:
            self.rows.append((heard.from_us - self._begin_us, "voice", (heard.track, heard.to_us, heard.volume)))
        sealed = sorted(set(counter.events) - self._seqs)
        self._note("sealed", [(seq, len(counter.events[seq])) for seq in sealed])

    def of(self, what: str) -> list[tuple[int, object]]:
        """Return (µs, value) of one kind."""
        return [(at_us, value) for at_us, kind, value in self.rows if kind == what]


def _level_card(board: str) -> tuple[int, int, int, int]:
    """Return the only place that may show the level, see ui/screens/chosen.py."""
    sizes = LAYOUTS[board]
    edge, gap = 6 * sizes.UNIT // 10, 9 * sizes.UNIT // 10
    return edge, sizes.BAND + gap, sizes.WIDTH - edge, sizes.MARKS_TOP - gap


def _hash(picture: Image.Image) -> str:
    return sha256(picture.tobytes()).hexdigest()[:16]
