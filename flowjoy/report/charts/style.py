"""The common style of the charts: colours, fonts, and conversion of figures to bytes.

External text is drawn literally, and the same figure always gives the same bytes.
"""

from __future__ import annotations

import io
import warnings
from contextlib import contextmanager
from html import escape
from typing import TYPE_CHECKING

import matplotlib.style
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from collections.abc import Iterator

CODE, MODEL, MTTR, GAP, DARK, FAINT = "#4c72b0", "#55a868", "#c44e52", "#a84b00", "#262626", "#595959"
PALE_CODE, PALE_MODEL, BAND, GAP_FILL = "#c3d0e6", "#c5e3cd", "#f2f2f2", "#fff3e6"
INCHES, DPI, LONGEST = (8.0, 4.0), 200, 80  # shown at 800 pixels, drawn at twice that
SIZE = 8  # points of text
RC_PARAMS = {
    "font.size": SIZE,
    "axes.labelsize": 9,
    "text.color": DARK,
    "text.parse_math": False,
    "svg.hashsalt": "flowjoy",
}
RC_PARAMS |= {"axes.spines.top": False, "axes.edgecolor": "0.55", "axes.axisbelow": True, "svg.fonttype": "none"}
RC_PARAMS |= {"legend.frameon": False, "legend.borderpad": 0, "legend.columnspacing": 1.5, "hatch.linewidth": 0.7}


def to_png(figure: Figure) -> bytes:
    """Return the figure as PNG, twice as large as shown; same figure, same bytes."""
    with isolated_style():
        figure.savefig(buffer := io.BytesIO(), format="png", metadata={"Software": None})
    return buffer.getvalue()


def to_svg(figure: Figure) -> bytes:
    """Return the figure as SVG with text as text, title and description; same figure, same bytes."""
    title, totals = (line.get_text() for line in figure.texts[:2])
    with isolated_style():
        figure.savefig(buffer := io.StringIO(), format="svg", metadata={"Date": None, "Creator": None, "Title": title})
    drawn = buffer.getvalue().replace("<svg ", '<svg role="img" ', 1)
    return drawn.replace("</title>", f"</title>\n <desc>{escape(totals)}</desc>", 1).encode()


@contextmanager
def isolated_style() -> Iterator[None]:
    """Apply only matplotlib's defaults and our style: a `matplotlibrc` in the workspace could change it, or run TeX."""
    with warnings.catch_warnings(), matplotlib.style.context(["default", RC_PARAMS]):
        warnings.filterwarnings("ignore", message=r"Glyph \d+ .* missing from font")  # drawn as a box
        yield
