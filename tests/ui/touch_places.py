"""Ask the firmware of a touch board, under MicroPython, which key each pixel of a screen means; print them as JSON.

For each screen: key → [left, top, right, bottom, pixels], right and bottom beyond the last one.
"""

import json

from app import states
from ui.display import Display
from ui.layout import HEIGHT, WIDTH


class Showing:
    """Stands for a display that shows a state."""

    def __init__(self, state):
        self._state = state


def places(state):
    """Return where the keys of a state lie."""
    found = {}
    showing = Showing(state)
    for y in range(HEIGHT):
        for x in range(WIDTH):
            key = Display.key_at(showing, x, y)
            if key:
                box = found.setdefault(key, [x, y, x, y, 0])
                box[0], box[1] = min(box[0], x), min(box[1], y)
                box[2], box[3] = max(box[2], x + 1), max(box[3], y + 1)
                box[4] += 1
    return found


print(json.dumps({"levels": places(states.INVITED), "tags": places(states.TAGS)}))
