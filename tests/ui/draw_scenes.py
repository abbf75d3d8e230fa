"""Draw scenes with the firmware's own screens, under MicroPython: `draw_scenes.py FLASH CODE OUT`.

Writes OUT/<scene>.<language>.rgb565 (high byte first) and prints one JSON line a scene: its name, the texts drawn,
and the regions painted. OUT/<number>.ypc, where there is one, is the rendered card of that clerk.
"""

import json
import os
import sys

from self_test import bench_screens
from tests.ui.scenes import IN_ONE_LANGUAGE, bench_scenes, scenes, tag_scenes
from ui.canvas import Canvas
from ui.display import Display
from ui.glyphs import open_packs
from ui.layout import HEIGHT, WIDTH
from ui.strings import DEFAULT, LANGUAGES, Strings, worded
from ui.tags_zh import TEXTS

UNPAINTED = b"\xf8\x1f"  # a magenta that no screen has
LACKING = "\ufffd"  # stands in what is told for a character without a glyph


class Glass:
    """Keep what was sent to the display."""

    def __init__(self):
        self.pixels = bytearray(UNPAINTED * (WIDTH * HEIGHT))

    def blit(self, x, y, width, height, pixels):
        """Copy a region, as the panel does."""
        assert 0 <= x and x + width <= WIDTH and 0 <= y and y + height <= HEIGHT
        assert len(pixels) == 2 * width * height
        for row in range(height):
            start = 2 * ((y + row) * WIDTH + x)
            self.pixels[start : start + 2 * width] = pixels[2 * row * width : 2 * (row + 1) * width]


class ReadableCanvas(Canvas):
    """Note each text with its place, once."""

    def __init__(self, lcd, packs):
        super().__init__(lcd, packs)
        self.texts = []
        self.cut = []  # texts that go beyond the region that is painted
        self.display = None

    def text(self, size, x, y, text, ink, paper, align=0):
        """Draw and note the text, the left end and the width in px with it."""
        width = self.packs[size].text_width(text)
        left = x - (width if align == 2 else width // 2 if align else 0)
        missing = self.packs[size].find(ord("?"))
        shown = [char if char == "?" or self.packs[size].find(ord(char)) != missing else LACKING for char in text]
        note = [y, left, width, size, "".join(shown)]
        if note not in self.texts:
            self.texts.append(note)
        x_of, _, wide = self.display._region[:3] if self.display is not None else (0, 0, WIDTH)
        if self.top() < y + size and y < self.bottom() and not x_of <= left <= left + width <= x_of + wide:
            self.cut.append(text)
        super().text(size, x, y, text, ink, paper, align)


def find_card(folder, number):
    """Return where a clerk's card lies, as the terminal's content tells it."""
    path = folder + "/" + number + ".ypc"
    try:
        os.stat(path)
    except OSError:
        return None
    return path, 0, b"hash"


def draw(name, scene, packs, language, out):
    """Draw one scene into a file, tell its texts."""
    state, view, linked = scene
    glass = Glass()
    canvas = ReadableCanvas(glass, packs)
    display = Display(canvas, Strings(language), lambda number: find_card(out, number))
    canvas.display = display
    display.hint = name.split(".")[0].endswith("_hint")
    display.show(state, view, 0)
    display.linked(linked, 0)
    strips = 0
    while display.paint():
        strips += 1
    tell(name, glass, canvas, strips, out)


def draw_bench(name, painter, args, packs, out):
    """Draw one screen of the bench into a file, tell its texts."""
    glass = Glass()
    canvas = ReadableCanvas(glass, packs)
    bench_screens.show(canvas, getattr(bench_screens, painter), *args)
    tell(name, glass, canvas, 0, out)


def tell(name, glass, canvas, strips, out):
    """Write the pixels and print the rest."""
    with open(out + "/" + name + ".rgb565", "wb") as file:
        file.write(glass.pixels)
    print(json.dumps({"scene": name, "texts": sorted(canvas.texts), "cut": canvas.cut, "strips": strips}))


def main():
    """Draw every scene."""
    packs = open_packs(sys.argv[1] + "/assets", sys.argv[1] + "/packs")
    for language in LANGUAGES:
        found = scenes(sys.argv[2])
        # Codes ascend within a level as the tags are shown.
        found.update(tag_scenes(worded([(code, TEXTS[code].replace("\n", "")) for code in sorted(TEXTS)], language)))
        for name, scene in sorted(found.items()):
            if language == DEFAULT or name not in IN_ONE_LANGUAGE:
                draw(name + "." + language, scene, packs, language, sys.argv[3])
    for name, (painter, args) in sorted(bench_scenes().items()):
        draw_bench(name + ".zh", painter, args, packs, sys.argv[3])


main()
