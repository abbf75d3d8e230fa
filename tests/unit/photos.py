"""Photos for the tests, drawn: a head before a wall, as cameras of any kind save it."""

import random

from PIL import Image, ImageDraw

SKIN, WALL, COAT = (228, 185, 155), (110, 150, 205), (30, 40, 70)


def photo(width=300, height=400, light=1.0):
    """Return an upright portrait photo; the head stands in the upper half."""
    image = Image.new("RGB", (width, height), WALL)
    draw = ImageDraw.Draw(image)
    middle, unit = width / 2, min(width, height * 0.75)
    draw.ellipse((middle - unit * 0.5, height * 0.62, middle + unit * 0.5, height * 1.4), fill=COAT)
    draw.ellipse((middle - unit * 0.24, height * 0.15, middle + unit * 0.24, height * 0.58), fill=SKIN)
    draw.pieslice(
        (middle - unit * 0.26, height * 0.11, middle + unit * 0.26, height * 0.5), 180, 360, fill=(25, 20, 20)
    )
    for side in (-1, 1):
        x = middle + side * unit * 0.1
        draw.ellipse((x - unit * 0.03, height * 0.36, x + unit * 0.03, height * 0.39), fill=(30, 20, 20))
    return image.point(lambda value: int(value * light))


def turned(image, orientation):
    """Return the picture as a camera held that way stores it, with the EXIF that says so."""
    undo = {1: None, 3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270,
            2: Image.Transpose.FLIP_LEFT_RIGHT, 5: Image.Transpose.TRANSPOSE}[orientation]  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    return (image if undo is None else image.transpose(undo)), exif


def rough(seed):
    """Return a photo of which every piece is like no other."""
    return Image.frombytes("RGB", (104, 134), random.Random(seed).randbytes(3 * 104 * 134))
