"""Paint a staff card that the agent rendered, one strip at a time from its file: no more than a row is in memory.

Layout, little-endian: "YPC1" · u8 n tiles (1…4) · n × {x u16, y u16, w u16, h u16, 16 × u16 RGB565 palette} · each
tile's pixels in that order: two a byte, the left one in the high nibble, rows of (w + 1) // 2 bytes.
"""

import framebuf

_MAGIC = b"YPC1"
_TILES_MAX = 4
_HEAD_BYTES = 5
_PLACE_BYTES = 8
_TILE_BYTES = 40


def paint(canvas: object, card: tuple, width: int, height: int, top: int) -> bool:
    """Paint what of a card lies in the strip; its box begins at the screen's row `top`.

    `card` is (path, offset in the file, hash). False when the file is no card of that size: nothing sound is painted.
    """
    try:
        with open(card[0], "rb") as file:
            tiles = _tiles(file, card[1], width, height)
            for tile in tiles:
                _paint_tile(canvas, file, tile, top)
    except OSError:
        return False
    return bool(tiles)


def _tiles(file: object, start: int, width: int, height: int) -> list:
    """Return each tile as (x, y, width, height, offset of its pixels, palette); none of a file that is no card."""
    file.seek(start)
    head = file.read(_HEAD_BYTES)
    if head[:-1] != _MAGIC or not 1 <= head[-1] <= _TILES_MAX:
        return []
    tiles, at = [], start + _HEAD_BYTES + _TILE_BYTES * head[-1]
    for _ in range(head[-1]):
        tile = file.read(_TILE_BYTES)
        if len(tile) < _TILE_BYTES:
            return []
        x, y, wide, high = [tile[i] | tile[i + 1] << 8 for i in range(0, _PLACE_BYTES, 2)]
        if not wide or not high or x + wide > width or y + high > height:
            return []
        tiles.append((x, y, wide, high, at, tile[_PLACE_BYTES:]))
        at += (wide + 1) // 2 * high
    return tiles if file.seek(0, 2) == at else []


def _paint_tile(canvas: object, file: object, tile: tuple, top: int) -> None:
    """Paint the rows of a tile that lie in the strip."""
    x, y, wide, high, at, colours = tile
    first, last = max(y, canvas.top() - top), min(y + high, canvas.bottom() - top)
    if first >= last:
        return
    palette = bytearray(len(colours))
    for i in range(len(colours)):
        palette[i ^ 1] = colours[i]  # the panel wants the high byte first
    shades = framebuf.FrameBuffer(palette, len(palette) // 2, 1, framebuf.RGB565)
    row = bytearray((wide + 1) // 2)
    pixels = framebuf.FrameBuffer(row, wide, 1, framebuf.GS4_HMSB)
    file.seek(at + (first - y) * len(row))
    for line in range(first, last):
        file.readinto(row)
        canvas.row(x, top + line, pixels, shades)
