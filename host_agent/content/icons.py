"""Draw the project's own icons, as grey images; every level's face has the same outline, size and weight of line."""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

FACE = 0xE000  # + level
STAR, STAR_EMPTY, OFFLINE, KEY_BELOW = 0xE010, 0xE011, 0xE012, 0xE013
TICK = 0xE014
PERSON, PERSON_ROWS = 0xE020, 6  # one slice each, top first

_OVERSAMPLING = 8

Painter = Callable[["ImageDraw", float], None]


def face(level: int) -> Painter:
    """Return the painter of a level's face: only the mouth differs."""

    def paint(draw: "ImageDraw", unit: float) -> None:
        line = round(unit * 0.065)
        draw.ellipse(_box(unit, 0.08, 0.08, 0.92, 0.92), outline=255, width=line)
        for x in (0.35, 0.65):
            draw.ellipse(_box(unit, x - 0.055, 0.34, x + 0.055, 0.45), fill=255)
        _mouth(draw, unit, level, line)

    return paint


def _mouth(draw: "ImageDraw", unit: float, level: int, line: int) -> None:
    """Bend the mouth from a wide smile (5) to its mirror image (1); 3 is straight."""
    if level == 3:
        draw.rounded_rectangle(_box(unit, 0.32, 0.63, 0.68, 0.63 + line / unit), line / 2, fill=255)
        return
    depth = 0.17 if level in (5, 1) else 0.08  # half the height of the bend
    if level > 3:
        draw.arc(_box(unit, 0.29, 0.655 - 2 * depth, 0.71, 0.655 + depth), 15, 165, fill=255, width=line)
    else:
        draw.arc(_box(unit, 0.29, 0.655 - depth, 0.71, 0.655 + 2 * depth), 195, 345, fill=255, width=line)


def _star_points(unit: float) -> list[tuple[float, float]]:
    import math

    points = []
    for i in range(10):
        radius = 0.46 if i % 2 == 0 else 0.19
        angle = math.radians(-90 + 36 * i)
        points.append((unit * (0.5 + radius * math.cos(angle)), unit * (0.53 + radius * math.sin(angle))))
    return points


def star(draw: "ImageDraw", unit: float) -> None:
    """Paint a full star."""
    draw.polygon(_star_points(unit), fill=255)


def star_empty(draw: "ImageDraw", unit: float) -> None:
    """Paint a star's outline."""
    points = _star_points(unit)
    draw.line([*points, points[0], points[1]], fill=255, width=round(unit * 0.06), joint="curve")


def offline(draw: "ImageDraw", unit: float) -> None:
    """Paint a computer with a cross in its screen: the counter's computer is not there."""
    line = round(unit * 0.09)
    draw.rounded_rectangle(_box(unit, 0.04, 0.06, 0.96, 0.74), unit * 0.1, outline=255, width=line)
    draw.line([(unit * 0.26, unit * 0.92), (unit * 0.74, unit * 0.92)], fill=255, width=line)
    for y0, y1 in ((0.24, 0.56), (0.56, 0.24)):
        draw.line([(unit * 0.34, unit * y0), (unit * 0.66, unit * y1)], fill=255, width=line)


def key_below(draw: "ImageDraw", unit: float) -> None:
    """Paint an arrow head that points at the key below."""
    draw.polygon([(unit * 0.2, unit * 0.3), (unit * 0.8, unit * 0.3), (unit * 0.5, unit * 0.75)], fill=255)


def tick(draw: "ImageDraw", unit: float) -> None:
    """Paint a tick: something was taken, whatever it was."""
    points = [(unit * 0.14, unit * 0.54), (unit * 0.40, unit * 0.78), (unit * 0.86, unit * 0.24)]
    draw.line(points, fill=255, width=round(unit * 0.1), joint="curve")


def person(draw: "ImageDraw", unit: float) -> None:
    """Paint head and shoulders: stands where a portrait is not given."""
    draw.ellipse(_box(unit, 0.31, 0.10, 0.69, 0.50), fill=255)
    draw.ellipse(_box(unit, 0.12, 0.56, 0.88, 1.44), fill=255)


def _box(unit: float, x0: float, y0: float, x1: float, y1: float) -> list[float]:
    return [unit * x0, unit * y0, unit * x1, unit * y1]


def image(paint: Painter, size: int) -> "Image":
    """Return the icon as a grey image of `size` px."""
    from PIL import Image, ImageDraw

    big = Image.new("L", (size * _OVERSAMPLING, size * _OVERSAMPLING), 0)
    paint(ImageDraw.Draw(big), size * _OVERSAMPLING)
    return big.resize((size, size), Image.Resampling.BOX)
