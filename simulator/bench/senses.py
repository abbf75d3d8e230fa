"""What a person has of one terminal: the picture on its glass, lamps, tones, voice; each look tells what changed."""

import io
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from PIL import Image

from host_agent.bundle.compiler import ROOT
from simulator.demo.chain import Place

PROMPTS = ROOT / "host_agent" / "content" / "prompts.json"
LOUDEST = 30
HEARD_S = 1.0
"""A tone this soon after a level was pressed answers that press."""
KEYS = ("function", "clerk")
FINGERS = 2
"""The panel reports no more."""


@dataclass
class News:
    """What changed since the last look."""

    frame: bytes | None = None
    values: dict[str, Any] = field(default_factory=dict)
    tones: list[int] = field(default_factory=list)
    heard: bool = False


class Senses:
    """Look at one terminal, and put fingers on it."""

    def __init__(self, place: Place) -> None:
        self._terminal = place.terminal
        self._version: object = None
        self._tones_seen = len(place.terminal.tones)
        self._pressed_s = 0.0
        self._values: dict[str, Any] = {"lamps": None, "dim": None, "voice": None}
        self.frame = b""
        self.has_glass = place.terminal.wiring.touch is not None

    @property
    def values(self) -> dict[str, Any]:
        """Return lamps, whether they are dim, and voice as of the last look."""
        return dict(self._values)

    def about(self) -> dict[str, Any]:
        """Return what never changes: the size of the picture, px, and what there is to press."""
        width, height = self._terminal.size
        keys = [str(key) for key in self._terminal.wiring.keys]
        return {
            "width": width, "height": height, "touch": self.has_glass, "lamps": bool(self._terminal.lamps()),
            "keys": keys,
        }  # fmt: skip

    def look(self) -> News:
        """Return what changed."""
        news = News()
        if self._terminal.display_version != self._version:
            self._version = self._terminal.display_version
            self.frame = news.frame = _png(self._terminal.screenshot())
        light = self._terminal.lamp_light()
        now = {
            "lamps": list(self._terminal.lamps()), "dim": any(0 < one < 1 for one in light),
            "voice": _spoken(self._terminal.speaks),
        }  # fmt: skip
        news.values = {name: value for name, value in now.items() if value != self._values[name]}
        self._values = now
        self._listen(news)
        return news

    def key(self, name: object, is_down: bool) -> None:
        """Press a key of this board or let it go; what is none is passed over."""
        keys = {str(key): key for key in self._terminal.wiring.keys}
        if str(name) not in keys:
            return
        key = keys[str(name)]
        if is_down and key not in KEYS:
            self._pressed_s = time.monotonic()
        (self._terminal.key_down if is_down else self._terminal.key_up)(key)

    def touch(self, points: object) -> None:
        """Put fingers on the glass, move them, or lift all; what is not on the glass is passed over."""
        if not self.has_glass or not isinstance(points, list) or not _are_points(points, self._terminal.size):
            return
        if not points:
            self._pressed_s = time.monotonic()
        self._terminal.touch(*((x, y) for x, y in points))

    def _listen(self, news: News) -> None:
        new: Sequence[tuple[int, int]] = self._terminal.tones[self._tones_seen :]
        self._tones_seen += len(new)
        news.tones = [hertz for _, hertz in new if hertz]
        if news.tones and self._pressed_s and time.monotonic() - self._pressed_s < HEARD_S:
            self._pressed_s = 0.0
            news.heard = True


def _are_points(points: object, size: tuple[int, int]) -> bool:
    """Tell whether a page's message names places of the picture."""
    if not isinstance(points, list) or len(points) > FINGERS:
        return False
    for point in points:
        if not isinstance(point, list) or [type(value) for value in point] != [int, int]:
            return False
        if not (0 <= point[0] < size[0] and 0 <= point[1] < size[1]):
            return False
    return True


def _spoken(playing: tuple[int, int] | None) -> dict[str, Any] | None:
    """Return what the voice says now, or None in silence."""
    if playing is None:
        return None
    track, volume = playing
    language, text = _tracks().get(track, ("", f"第 {track} 段"))
    return {"text": text, "language": language, "percent": round(volume * 100 / LOUDEST)}


@cache
def _tracks() -> dict[int, tuple[str, str]]:
    """Return track → (language, text): all prompts in one language, then in the next."""
    table = json.loads(PROMPTS.read_text(encoding="utf-8"))
    found = [(language, row[language]["text"]) for language in table["voices"] for row in table["prompts"].values()]
    return dict(enumerate(found, 1))


def _png(image: Image.Image) -> bytes:
    """Return the glass as PNG, quickly packed: it goes to this machine only."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
