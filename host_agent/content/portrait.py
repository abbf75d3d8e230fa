"""Turns a photo into a portrait for a board: upright, cropped to head and shoulders, light enough for a small panel.

Promise: a file that is no photo, is damaged, or would fill the memory is refused by name before it is unpacked; nothing
of the file but the small picture is kept.
"""

import math
import struct
import warnings
import zlib
from pathlib import Path

from PIL import Image, ImageOps, ImageStat

MAX_FILE_BYTES = 30 * 1024 * 1024
MAX_PIXELS = 50_000_000  # 150 MB unpacked; what telephones take today
MIN_SIDE = 60  # px
FORMATS = ("JPEG", "PNG")
SUFFIXES = (".jpg", ".jpeg", ".png")
BACKGROUND = 0xFFFFFF  # under a transparent picture
# Of what a tall picture has too much, this part is taken from above, but no more than that part of what is kept: heads
# stand in the upper part, those of whole figures at its very edge.
_ABOVE, _ABOVE_MOST = 0.15, 0.06
_CLIPPED = (0.5, 0.5)  # per cent of the darkest and brightest pixels that may be lost
_DARK, _WANTED = 95, 115  # mean brightness of 255 below which a portrait is lifted, and up to where
_STRONGEST = 0.5  # exponent
# What Pillow raises for damaged files, beside its own errors, which are OSError.
_DAMAGED = (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, struct.error, zlib.error)


class PortraitError(Exception):
    """Say why a file gives no portrait, and what to do."""

    def __init__(self, what: str, cure: str) -> None:
        super().__init__(what)
        self.what = what
        self.cure = cure


def portrait(path: Path, width: int, height: int) -> Image.Image:
    """Return the portrait of a photo, RGB, of that size in px.

    :raises PortraitError: the file is no photo that can be used.
    """
    try:
        size = path.stat().st_size
    except OSError as error:
        raise PortraitError(f"cannot read the photo: {error.strerror or error}", "correct its name") from None
    if size > MAX_FILE_BYTES:
        raise PortraitError(f"the photo is larger than {MAX_FILE_BYTES // 1024 // 1024} MB", "save it smaller")
    with warnings.catch_warnings():
        # Pillow's own, weaker, warning of huge pictures; and its remarks on odd tags.
        warnings.simplefilter("ignore")
        try:
            return _lifted(_cropped(_upright(path, width, height), width, height))
        except Image.DecompressionBombError:
            raise _too_many() from None
        except _DAMAGED as error:
            raise PortraitError(f"the photo is damaged or no JPEG or PNG ({error})"[:200], "save it anew") from None


def _upright(path: Path, width: int, height: int) -> Image.Image:
    """Unpack a photo and turn it as its camera noted."""
    with Image.open(path, formats=FORMATS) as image:
        if image.width * image.height > MAX_PIXELS:
            raise _too_many()
        if min(image.size) < MIN_SIDE:
            raise PortraitError(f"the photo has only {image.width}×{image.height} px", "use a larger one")
        # A JPEG is unpacked no larger than needed; turned or not, both sides stay over the portrait's.
        enough = 4 * max(width, height)
        image.draft("RGB", (enough, enough))
        image.load()
        upright = ImageOps.exif_transpose(image)
    return _opaque(upright)


def _opaque(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":  # 16 bits a channel
        image = image.point(lambda value: value / 256).convert("L")
    if not image.has_transparency_data:
        return image.convert("RGB")
    layer = image.convert("RGBA")
    paper = Image.new("RGBA", layer.size, (*BACKGROUND.to_bytes(3, "big"), 255))
    return Image.alpha_composite(paper, layer).convert("RGB")


def _cropped(image: Image.Image, width: int, height: int) -> Image.Image:
    """Cut to the portrait's ratio, from the middle and the upper part, and scale."""
    wide = min(image.width, image.height * width / height)
    high = min(image.height, image.width * height / width)
    left, top = (image.width - wide) / 2, min((image.height - high) * _ABOVE, high * _ABOVE_MOST)
    box = (left, top, left + wide, top + high)
    return image.resize((width, height), Image.Resampling.LANCZOS, box=box)


def _lifted(image: Image.Image) -> Image.Image:
    """Stretch the range of brightness, and brighten a dark photo so that the face can be seen."""
    image = ImageOps.autocontrast(image, cutoff=_CLIPPED, preserve_tone=True)
    mean = ImageStat.Stat(image.convert("L")).mean[0]
    if not 1 <= mean < _DARK:
        return image
    exponent = _exponent(mean)
    return image.point([round(255 * (value / 255) ** exponent) for value in range(256)] * 3)


def _exponent(mean: float) -> float:
    """Return the exponent that lifts a mean brightness to the wanted one, at least the strongest allowed."""
    return max(_STRONGEST, math.log(_WANTED / 255) / math.log(mean / 255))


def _too_many() -> PortraitError:
    return PortraitError(f"the photo has more than {MAX_PIXELS // 1_000_000} million pixels", "save it smaller")
