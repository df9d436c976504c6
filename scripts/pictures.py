"""Makes the pictures of README and docs from what the demo wrote. Run it as `make pictures`; it needs Chromium.

The page is photographed as it is. Check, comment and Slack messages get frames of our own (`picture_frames`).
Fonts are Inter, Liberation Mono and Noto Color Emoji where they are installed, so that two machines agree.
"""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess  # nosec B404
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from PIL import Image, ImageChops

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from scripts import picture_frames as frames  # noqa: E402

DAYS = ROOT / "demo-report" / "days"
PICTURES = ROOT / "docs" / "pictures"
CHARTS = ("unified_flow.svg", "promise.svg")
LARGEST = 200_000
_TALL = 2400
_COLOURS = 255
_MARGIN, _GAP = 16, 40
_SCRIPT = re.compile(r"<script>.*?</script>", re.DOTALL)
"""Without its script, a page shows the time left at the run, and not until now."""

_FONTS = """<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>
<include ignore_missing="yes">/etc/fonts/fonts.conf</include>
{}</fontconfig>"""
_PREFERENCE = """<match target="pattern"><test name="family"><string>{}</string></test>
<edit name="family" mode="prepend" binding="strong"><string>{}</string></edit></match>"""
_PREFERRED = {
    **dict.fromkeys(("system-ui", "Segoe UI", "Roboto", "sans-serif"), "Inter"),
    **dict.fromkeys(("ui-monospace", "Menlo", "Consolas", "monospace"), "Liberation Mono"),
}


@dataclass(frozen=True, kw_only=True)
class Camera:
    """A Chromium. `folder` takes its files."""

    chromium: str
    folder: Path

    def picture(self, html: str, *, width: int, height: int | None = None, scale: float = 2) -> bytes:
        """Return a page as PNG: at most `height` CSS pixels of it, down to a gap between two parts, or all of it."""
        page, shot = self.folder / "page.html", self.folder / "shot.png"
        page.write_text(_SCRIPT.sub("", html), encoding="utf-8")
        flags = ["--headless", "--no-sandbox", "--hide-scrollbars", f"--force-device-scale-factor={scale}"]
        flags += [f"--window-size={width},{height or _TALL}", f"--screenshot={shot}"]
        environment = {**os.environ, "FONTCONFIG_FILE": str(self._fonts()), "TZ": "UTC", "LANG": "C.UTF-8"}
        command = [self.chromium, *flags, page.as_uri()]
        subprocess.run(command, check=True, capture_output=True, env=environment)  # noqa: S603  # nosec B603
        with Image.open(shot) as image:
            end = gap(image, round(_GAP * scale)) if height else end_of(image)
            return _small(
                image.convert("RGB").crop((0, 0, image.width, min(image.height, end + round(_MARGIN * scale))))
            )

    def _fonts(self) -> Path:
        path = self.folder / "fonts.conf"
        path.write_text(_FONTS.format("\n".join(_PREFERENCE.format(*pair) for pair in _PREFERRED.items())))
        return path


def end_of(image: Image.Image) -> int:
    """Return the number of rows down to the last one that is not white."""
    box = ImageChops.invert(image.convert("L")).getbbox()
    return box[3] if box else image.height


def gap(image: Image.Image, rows: int) -> int:
    """Return the first row of the lowest white gap of at least so many rows; the height if there is none."""
    inverted = ImageChops.invert(image.convert("L"))
    for bottom in range(image.height, rows, -1):
        if inverted.crop((0, bottom - rows, image.width, bottom)).getbbox() is None:
            return end_of(image.crop((0, 0, image.width, bottom)))
    return image.height


def _small(image: Image.Image) -> bytes:
    """Return the image as PNG with a palette, which is a third of the size."""
    file = io.BytesIO()
    # This method keeps rare colours: the mark of one ship is as purple as in the chart.
    few = image.quantize(_COLOURS, Image.Quantize.MAXCOVERAGE, kmeans=1, dither=Image.Dither.NONE)
    few.save(file, "PNG", optimize=True)
    return file.getvalue()


def main() -> int:
    """Write the pictures; return 1 without Chromium or the demo's files, or if a picture is too large."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None or not (DAYS / "slack.json").is_file():
        sys.stderr.write("Run `make demo` first, and install Chromium\n")
        return 1
    PICTURES.mkdir(exist_ok=True)
    with TemporaryDirectory() as folder:
        pictures = _pictures(Camera(chromium=chromium, folder=Path(folder)))
    pictures |= {name: (DAYS / "6-shipped" / name).read_bytes() for name in CHARTS}
    for name, content in pictures.items():
        path = PICTURES / name
        is_new = not path.is_file() or path.read_bytes() != content
        if is_new:
            path.write_bytes(content)
        print(f"{path.relative_to(ROOT)}  {len(content) // 1000} kB  {'changed' if is_new else 'as before'}")
    large = [name for name, content in pictures.items() if len(content) > LARGEST]
    if large:
        sys.stderr.write(f"larger than {LARGEST // 1000} kB: {', '.join(large)}\n")
    return int(bool(large))


def _pictures(camera: Camera) -> dict[str, bytes]:
    blocked, slack = _read("5-blocked/news.json"), _read("slack.json")
    files = {thread: [(DAYS / name).read_bytes() for name in names] for thread, names in slack["files"].items()}
    page = (DAYS / "4-overdue" / "report.html").read_text(encoding="utf-8")
    return {
        "report.png": camera.picture(page, width=1280, height=900, scale=1.5),
        "check.png": camera.picture(frames.check(blocked["checks"]), width=872),
        "comment.png": camera.picture(frames.comment(blocked["comments"][0]), width=872),
        "slack.png": camera.picture(frames.slack(slack["messages"], files), width=872),
    }


def _read(name: str) -> Any:
    return json.loads((DAYS / name).read_text(encoding="utf-8"))


if __name__ == "__main__":
    sys.exit(main())
