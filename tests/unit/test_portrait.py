"""Portraits: any sound photo becomes an upright picture of the board's size, any other file is refused by name."""

import io
import random
import struct
import zlib

import pytest
from PIL import Image, ImageChops, ImageStat

from host_agent.content import portrait
from host_agent.content.portrait import PortraitError
from tests.unit.photos import photo, turned

WIDTH, HEIGHT = 104, 134
SEED = 20263


def saved(tmp_path, image, name="photo.jpg", **options):
    path = tmp_path / name
    image.save(path, **options)
    return path


def made(path):
    return portrait.portrait(path, WIDTH, HEIGHT)


def difference(one, other):
    return max(ImageStat.Stat(ImageChops.difference(one, other)).mean)


def refused(path, words):
    with pytest.raises(PortraitError, match=words) as caught:
        made(path)
    assert caught.value.cure


@pytest.mark.parametrize("orientation", [1, 2, 3, 5, 6, 8])
def test_portrait_is_turned_as_the_camera_noted(tmp_path, orientation):
    upright = made(saved(tmp_path, photo(), quality=95))
    image, exif = turned(photo(), orientation)
    found = made(saved(tmp_path, image, "turned.jpg", exif=exif, quality=95))
    assert found.size == (WIDTH, HEIGHT) and difference(upright, found) < 3


@pytest.mark.parametrize("size", [(300, 400), (400, 400), (900, 500), (300, 900), (60, 60), (1200, 1600)])
def test_portrait_keeps_the_head_in_the_frame(tmp_path, size):
    base = photo(*(size if size[1] <= 1.5 * size[0] else (size[0], size[0] * 4 // 3)))
    image = Image.new("RGB", size, (60, 60, 60))
    image.paste(base, (0, 0))  # what a tall picture has more than head and shoulders is below
    found = made(saved(tmp_path, image, "photo.png"))
    assert found.size == (WIDTH, HEIGHT) and found.mode == "RGB"
    red, _, blue = found.getpixel((WIDTH // 2, HEIGHT * 9 // 20))
    assert red > blue, "the middle of the upper half is skin, not wall"
    for x in (2, WIDTH - 3):
        red, _, blue = found.getpixel((x, 12))
        assert blue >= red, "the upper corners are wall"


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "LA", "CMYK", "1", "I;16"])
def test_portrait_of_every_kind_of_pixels_is_taken(tmp_path, mode):
    image = photo()
    image = Image.frombytes("I;16", image.size, struct.pack(f"<{300 * 400}H", *(v * 256 for v in image.convert("L").tobytes()))) if mode == "I;16" else image.convert(mode)  # noqa: E501  # fmt: skip
    found = made(saved(tmp_path, image, "photo.jpg" if mode == "CMYK" else "photo.png"))
    assert found.mode == "RGB" and found.size == (WIDTH, HEIGHT)
    face, coat = found.convert("L").getpixel((WIDTH // 2, 60)), found.convert("L").getpixel((WIDTH // 2, 128))
    assert face > coat + 60


def test_portrait_transparent_picture_stands_on_white(tmp_path):
    image = photo().convert("RGBA")
    image.putalpha(0)
    assert made(saved(tmp_path, image, "photo.png")).getextrema() == ((255, 255),) * 3


def test_portrait_dark_photo_is_lifted_so_that_the_face_can_be_seen(tmp_path):
    dark = made(saved(tmp_path, photo(light=0.2), "photo.png"))
    light = made(saved(tmp_path, photo(), "light.png"))
    assert dark.convert("L").getpixel((WIDTH // 2, 62)) > 100
    assert abs(ImageStat.Stat(dark.convert("L")).mean[0] - ImageStat.Stat(light.convert("L")).mean[0]) < 45
    black = made(saved(tmp_path, Image.new("RGB", (300, 400)), "black.png"))
    assert black.getextrema() == ((0, 0),) * 3


def test_portrait_of_what_is_no_photo_is_refused_by_name(tmp_path):
    refused(tmp_path / "none.jpg", "cannot read")
    refused(tmp_path, "damaged or no JPEG or PNG|cannot read")
    refused(saved(tmp_path, photo(), "photo.bmp"), "no JPEG or PNG")
    refused(saved(tmp_path, photo(59, 80)), "has only 59×80 px")
    empty = tmp_path / "empty.jpg"
    empty.touch()
    refused(empty, "no JPEG or PNG")


def test_portrait_file_too_large_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(portrait, "MAX_FILE_BYTES", 1000)
    refused(saved(tmp_path, photo()), "larger than")


@pytest.mark.parametrize("size", [(7_100, 7_100), (30_000, 30_000), (2_000_000, 60), (0x7FFFFFFF, 0x7FFFFFFF)])
def test_portrait_decompression_bomb_is_refused_before_it_is_unpacked(tmp_path, size):
    """A small file that says that it is a huge picture of one colour."""
    head = struct.pack(">2I5B", *size, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(60_000), 9)
    path = tmp_path / "bomb.png"
    chunks = ((b"IHDR", head), (b"IDAT", data), (b"IEND", b""))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    ))  # fmt: skip
    refused(path, "million pixels")


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_portrait_of_a_damaged_photo_is_a_picture_or_a_named_refusal(tmp_path, kind):
    """Cut anywhere, or with bytes changed, as a bad stick gives it back."""
    out = io.BytesIO()
    photo(120, 160).save(out, kind, exif=turned(photo(), 6)[1])
    sound, rng, path = out.getvalue(), random.Random(SEED), tmp_path / "photo"
    refusals = 0
    for _ in range(250):
        broken = bytearray(sound)
        if rng.random() < 0.3:
            del broken[rng.randrange(len(broken)) :]
        for _ in range(rng.randrange(6)):
            if broken:
                at = rng.randrange(min(len(broken), 600)) if rng.random() < 0.6 else rng.randrange(len(broken))
                broken[at : at + rng.randrange(1, 3)] = rng.randbytes(rng.randrange(3))
        path.write_bytes(broken)
        try:
            assert made(path).size == (WIDTH, HEIGHT)
        except PortraitError as error:
            assert error.what and error.cure
            refusals += 1
    assert 20 < refusals < 250, SEED
