"""Pixels as a PNG file.

Without alpha and row filters, charts get smaller, and in a quarter of the time: Pillow tries five filters on each row.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np
import numpy.typing as npt

_LEVEL = 3  # of 9: a sixth larger than the usual 6, in half of the time
_NO_FILTER = 0


def png(pixels: npt.NDArray[np.uint8], dpi: float) -> bytes:
    """Return rows of opaque RGB or RGBA pixels as PNG."""
    height, width, _ = pixels.shape
    rows = np.full((height, 1 + 3 * width), _NO_FILTER, dtype=np.uint8)
    rows[:, 1:] = pixels[..., :3].reshape(height, -1)
    dots = round(dpi / 0.0254)  # a metre
    chunks = {
        b"IHDR": struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0),
        b"pHYs": struct.pack(">IIB", dots, dots, 1),
        b"IDAT": zlib.compress(rows.tobytes(), _LEVEL),
        b"IEND": b"",
    }
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks.items())


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
