"""The common style of the charts: fonts, lines, and conversion of figures to bytes.

External text is drawn literally, and the same figure always gives the same bytes.
"""

from __future__ import annotations

import io
import warnings
from contextlib import contextmanager
from html import escape
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from flowjoy.report.charts.png import png
from flowjoy.report.palette import FAINT, LINE, TEXT, picture_css

if TYPE_CHECKING:
    from collections.abc import Iterator

INCHES, DPI, LONGEST = (8.0, 4.0), 200, 80  # shown at 800 pixels, drawn at twice that
SIZE, SMALL = 8.0, 7.0  # points of text
RC_PARAMS: dict[str, Any] = {
    "font.size": SIZE,
    "axes.labelsize": SIZE,
    "text.color": TEXT.light,
    "text.parse_math": False,
    "svg.hashsalt": "flowjoy",
    "svg.fonttype": "none",
}
RC_PARAMS |= dict.fromkeys(("xtick.labelcolor", "ytick.labelcolor", "axes.labelcolor"), FAINT.light)
RC_PARAMS |= dict.fromkeys(("xtick.color", "ytick.color", "axes.edgecolor", "grid.color"), LINE.light)
RC_PARAMS |= {"axes.spines.top": False, "axes.axisbelow": True, "grid.linewidth": 0.6, "hatch.linewidth": 0.7}
RC_PARAMS |= {"legend.frameon": False, "legend.borderpad": 0, "legend.columnspacing": 1.5, "legend.handlelength": 1.5}


def to_png(figure: Figure) -> bytes:
    """Return the figure as PNG, twice as large as shown; same figure, same bytes."""
    with isolated_style():
        figure.savefig(buffer := io.BytesIO(), format="rgba")
    width, height = figure.canvas.get_width_height()
    return png(np.frombuffer(buffer.getbuffer(), dtype=np.uint8).reshape(height, width, 4), figure.dpi)


def to_svg(figure: Figure) -> bytes:
    """Return the figure as SVG with text as text, title and description; it follows the colour scheme of its page.

    Same figure, same bytes.
    """
    title, totals = (line.get_text() for line in figure.texts[:2])
    with isolated_style():
        figure.savefig(buffer := io.StringIO(), format="svg", metadata={"Date": None, "Creator": None, "Title": title})
    drawn = buffer.getvalue().replace("<svg ", '<svg role="img" ', 1).replace("</style>", picture_css() + "</style>", 1)
    return drawn.replace("</title>", f"</title>\n <desc>{escape(totals)}</desc>", 1).encode()


@contextmanager
def isolated_style() -> Iterator[None]:
    """Apply only matplotlib's defaults and our style: a `matplotlibrc` in the workspace could change it, or run TeX."""
    parameters: dict[Any, Any] = {**mpl.rcParamsDefault, **RC_PARAMS}
    del parameters["backend"]
    with warnings.catch_warnings(), mpl.rc_context(parameters):
        warnings.filterwarnings("ignore", message=r"Glyph \d+ .* missing from font")  # drawn as a box
        yield
