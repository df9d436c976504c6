"""Pixels as a PNG file, as another program reads it."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from flowjoy.report.charts.png import png


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize(("width", "height"), [(1, 1), (7, 3), (300, 200)])
def test_png__another_program_reads_the_same_pixels(width: int, height: int, channels: int) -> None:
    pixels = np.random.default_rng(7).integers(0, 256, (height, width, channels), dtype=np.uint8)
    image = Image.open(io.BytesIO(png(pixels, 200)))
    assert (image.format, image.mode, image.size) == ("PNG", "RGB", (width, height))
    assert np.array_equal(np.asarray(image), pixels[..., :3])
    assert [round(dots) for dots in image.info["dpi"]] == [200, 200]
