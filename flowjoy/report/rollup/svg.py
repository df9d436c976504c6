"""A small SVG document, drawn in the light tones of the palette and recoloured where the page is dark."""

from __future__ import annotations

import base64
import re
from collections import defaultdict
from dataclasses import dataclass, field

from markupsafe import escape

from flowjoy.report import palette
from flowjoy.report.escaping import clean
from flowjoy.report.html import Picture
from flowjoy.report.palette import Tone

_NOT_XML = re.compile("[\ufffe\uffff]")
_FONT = "Inter, 'Helvetica Neue', Arial, sans-serif"
HATCHED = "hatched"
"""The fill of what is not known."""


@dataclass
class Drawing:
    """A picture of so many pixels. All boxes of one colour are one path, so that thousands of them stay small."""

    width: int
    height: int
    _boxes: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    _texts: list[str] = field(default_factory=list)

    def box(self, x: float, y: float, width: float, height: float, fill: Tone | str) -> None:
        """Draw a box; `HATCHED` is the fill of what is not known."""
        colour = f"url(#{fill})" if isinstance(fill, str) else fill.light
        self._boxes[colour].append(f"M{x:g} {y:g}h{width:g}v{height:g}h{-width:g}z")

    def text(self, x: float, y: float, text: str, *, limit: int = 60, size: int = 11, anchor: str = "start") -> None:
        """Write external or own text on one line, cut to `limit` characters."""
        shown = escape(_NOT_XML.sub(" ", clean(text, limit)))
        self._texts.append(f'<text x="{x:g}" y="{y:g}" font-size="{size}" text-anchor="{anchor}">{shown}</text>')

    def svg(self) -> str:
        """Return the document."""
        hatch = (
            f'<pattern id="{HATCHED}" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
            f'<rect width="5" height="5" fill="{palette.PAPER.light}"/>'
            f'<rect width="1.6" height="5" fill="{palette.CALM.light}"/></pattern>'
        )
        boxes = "".join(f'<path d="{"".join(paths)}" fill="{colour}"/>' for colour, paths in self._boxes.items())
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{self.width}" height="{self.height}" '
            f'viewBox="0 0 {self.width} {self.height}"><style>{palette.picture_css()}</style><defs>{hatch}</defs>'
            f'<rect width="100%" height="100%" fill="{palette.PAPER.light}"/>'
            f'{boxes}<g font-family="{_FONT}" fill="{palette.TEXT.light}">{"".join(self._texts)}</g></svg>'
        )

    def picture(self) -> Picture:
        """Return the document as the source of an image."""
        source = f"data:image/svg+xml;base64,{base64.b64encode(self.svg().encode()).decode()}"
        return Picture(source=source, width=self.width, height=self.height)
