"""A small grey JPEG: the quicklook of a generated product.

Each 8 x 8 block has one shade, so that every block is a DC coefficient and an end-of-block code
(ITU-T T.81, baseline sequential).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

_DC_LENGTHS = bytes((0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0))
_DC_CODES = (
    "00", "010", "011", "100", "101", "110", "1110", "11110", "111110", "1111110", "11111110",
    "111111110",
)  # fmt: skip
_END_OF_BLOCK = "0"
_SMALLEST_STEP = 8


def grey_jpeg(shades: Sequence[Sequence[int]]) -> bytes:
    """A JPEG of one grey block of 8 x 8 pixels per shade.

    Args:
        shades: Rows of shades, 0 (black) to 255 (white); all rows have the same length.
    """
    height, width = len(shades) * 8, len(shades[0]) * 8
    size = struct.pack(">BHHB", 8, height, width, 1)
    parts = (
        b"\xff\xd8",
        _segment(0xE0, b"JFIF\0" + struct.pack(">BBBHHBB", 1, 1, 0, 1, 1, 0, 0)),
        _segment(0xDB, bytes((0,)) + bytes((_SMALLEST_STEP,)) * 64),
        _segment(0xC0, size + bytes((1, 0x11, 0))),
        _segment(0xC4, bytes((0x00,)) + _DC_LENGTHS + bytes(range(12))),
        _segment(0xC4, bytes((0x10, 1)) + bytes(15) + bytes((0,))),
        _segment(0xDA, bytes((1, 1, 0x00, 0, 63, 0))),
        _scan([shade for row in shades for shade in row]),
        b"\xff\xd9",
    )
    return b"".join(parts)


def _segment(marker: int, content: bytes) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(content) + 2) + content


def _scan(shades: Sequence[int]) -> bytes:
    bits: list[str] = []
    previous = 0
    for shade in shades:
        coefficient = shade - 128
        bits.append(_dc_bits(coefficient - previous) + _END_OF_BLOCK)
        previous = coefficient
    stream = "".join(bits)
    stream += "1" * (-len(stream) % 8)
    packed = int(stream, 2).to_bytes(len(stream) // 8, "big")
    return packed.replace(b"\xff", b"\xff\x00")


def _dc_bits(difference: int) -> str:
    length = abs(difference).bit_length()
    if not length:
        return _DC_CODES[0]
    value = difference if difference > 0 else difference + (1 << length) - 1
    return _DC_CODES[length] + format(value, f"0{length}b")
