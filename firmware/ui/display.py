"""Keep the screen true to the state: paint the regions that changed, strip by strip, and let others run in between.

A region is (x, y, width, height, painter, args); one that holds a line of text is painted from left to right, as a
glyph then lies in one strip or two, any other downwards. What stands on the glass is remembered, so that a press
repaints what it changed and not the rest; a new state in the middle of a painting goes first.
"""

from app import states
from ui import strings
from ui.layout import HEIGHT, MARKS_TOP, STRIP_PIXELS, TOUCH, WIDTH
from ui.screens import chosen, closed, offer, please_rate, scan_code, staff_card, sub_levels, thanks

SCREENS = {
    states.NO_CLERK: closed.regions,
    states.IDLE: staff_card.regions,
    states.SERVING: staff_card.regions,
    states.INVITED: please_rate.regions,
    states.CHOSEN: chosen.regions,
    states.OFFER: offer.regions,
    states.BUSINESS: sub_levels.business,
    states.SERVICE: sub_levels.service,
    states.THANKS: thanks.regions,
    states.UNRATED: scan_code.unrated,
    states.NOT_INVITED: scan_code.not_invited,
    states.PAUSED: scan_code.paused,
    states.FULL: scan_code.full,
    states.FAULT: scan_code.fault,
    states.UPDATING: scan_code.updating,
}
_LINE = 3  # a region so many times as wide as high holds a line


class Display:
    """Know what should be on the glass, and what is."""

    def __init__(self, canvas: object, strings: object, find_card: object | None = None) -> None:
        self._canvas = canvas
        self._strings = strings
        self._find_card = find_card  # number of a clerk → (path, offset, hash) of the rendered card, or None
        self._state = states.NO_CLERK
        self._view = {"notice": None, "hint": False}
        self._linked = False
        self.hint = False  # that somebody should look after the terminal; `look` takes it up
        self._wanted = []
        self._glass = []
        self._region = None  # being painted
        self._done = 0  # rows of it, or columns

    def show(self, state: str, view: dict, now_ms: int) -> None:
        """Take a new state; nothing is painted yet."""
        if self._state != state:
            strings.forget("tags")
            strings.forget("notice")
        self._state, self._view = state, view
        self.look()
        self._arrange(now_ms)

    def look(self) -> None:
        """Look for what is shown beside the state, the clerk's card and the hint; painted from the next tick on."""
        clerk = self._view.get("clerk")
        self._view["hint"] = self.hint
        self._view["card"] = self._find_card(clerk.get("number")) if clerk and self._find_card else None

    def linked(self, linked: bool, now_ms: int) -> None:
        """Take whether there is a link, for the icon."""
        self._linked = linked
        self._arrange(now_ms)

    def speak(self, language: str, now_ms: int) -> None:
        """Take another language: nothing on the glass is true any more."""
        self._strings.use(language)
        self._glass, self._region = [], None
        self._arrange(now_ms)

    def key_at(self, x: int, y: int) -> int:
        """Return the key that a finger at (x, y) means in the present state, 0 for none."""
        if not TOUCH:
            return 0
        if self._state == states.TAGS:
            return _tags().key_at(x, y)
        return x * 5 // WIDTH + 1 if MARKS_TOP <= y < HEIGHT else 0

    def tick(self, now_ms: int) -> None:
        """Take the time, for a countdown."""
        self._arrange(now_ms)

    def due_ms(self, now_ms: int) -> int | None:
        """Return when a countdown next changes, ms, or None."""
        until_ms = self._view.get("until_ms")
        if until_ms is None or until_ms <= now_ms:
            return None
        return now_ms + ((until_ms - now_ms - 1) % 1000 + 1)

    def paint(self) -> bool:
        """Paint one strip; return False when nothing is left to paint."""
        if self._region is None and not self._next_region():
            return False
        x, y, width, height, painter, args = self._region
        done, across = self._done, width > _LINE * height
        size = min(STRIP_PIXELS // (height if across else width), (width if across else height) - done)
        if across:
            self._canvas.begin(x + done, y, size, height)
        else:
            self._canvas.begin(x, y + done, width, size)
        painter(self._canvas, self._strings, args)
        self._canvas.flush()
        self._done += size
        if self._done >= (width if across else height):
            self._glass.append(self._region)
            self._region = None
        return True

    def _arrange(self, now_ms: int) -> None:
        """Ask the screen for its regions; give up a painting that is not wanted any more."""
        regions = _tags().regions if self._state == states.TAGS else SCREENS[self._state]
        self._wanted = regions(self._view, now_ms, self._linked)
        if self._region is not None and self._region not in self._wanted:
            self._region = None

    def _next_region(self) -> bool:
        for region in self._wanted:
            if region not in self._glass:
                self._glass = [old for old in self._glass if not _overlap(old, region)]
                self._region = region
                self._done = 0
                return True
        return False


def _tags() -> object:
    """Return the screen of the tags, which few see: it is in memory while it is shown."""
    from ui import tags

    return tags


def _overlap(a: tuple, b: tuple) -> bool:
    return a[1] < b[1] + b[3] and b[1] < a[1] + a[3] and a[0] < b[0] + b[2] and b[0] < a[0] + a[2]
