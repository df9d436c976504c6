"""How different two colours are for an eye: CIEDE2000 after a simulation of full protanopia or deuteranopia.

The matrices are those of Machado, Oliveira and Fernandes (2009), for linear RGB.
"""

from __future__ import annotations

from typing import Any

import numpy as np

EYES: dict[str, Any] = {
    "normal": np.eye(3),
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
}
_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
_WHITE = np.array([0.95047, 1.0, 1.08883])


def linear(colour: str) -> Any:
    """Return red, green and blue of `#rrggbb` in linear shares."""
    shares = np.array([int(colour[start : start + 2], 16) for start in (1, 3, 5)]) / 255
    return np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of WCAG."""
    low, high = sorted(float(_XYZ[1] @ linear(colour)) for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


def lab(colour: str, eye: str) -> Any:
    """Return CIELAB of a colour as an eye sees it."""
    shares = _XYZ @ np.clip(np.array(EYES[eye]) @ linear(colour), 0, 1) / _WHITE
    roots = np.where(shares > (6 / 29) ** 3, np.cbrt(shares), shares * (29 / 6) ** 2 / 3 + 4 / 29)
    return np.array([116 * roots[1] - 16, 500 * (roots[0] - roots[1]), 200 * (roots[1] - roots[2])])


def ciede2000(one: Any, other: Any) -> float:
    """Return the difference of two colours in CIELAB."""
    lights, greens, blues = np.array([one, other], dtype=float).T
    mean = np.hypot(greens, blues).mean() ** 7
    greens = greens * (1.5 - 0.5 * np.sqrt(mean / (mean + 25.0**7)))
    chromas, hues = np.hypot(greens, blues), np.degrees(np.arctan2(blues, greens)) % 360
    turn = (hues[1] - hues[0] + 180) % 360 - 180 if chromas.all() else 0.0
    hue = hues[0] + turn / 2 if chromas.all() else hues.sum()
    light, chroma = (lights.mean() - 50) ** 2, chromas.mean()
    waves = ((-0.17, 1, -30), (0.24, 2, 0), (0.32, 3, 6), (-0.20, 4, -63))
    weight = 1 + sum(share * np.cos(np.radians(factor * hue + shift)) for share, factor, shift in waves)
    by_light = (lights[1] - lights[0]) / (1 + 0.015 * light / np.sqrt(20 + light))
    by_chroma = (chromas[1] - chromas[0]) / (1 + 0.045 * chroma)
    by_hue = 2 * np.sqrt(chromas.prod()) * np.sin(np.radians(turn / 2)) / (1 + 0.015 * chroma * weight)
    bend = np.sin(np.radians(60 * np.exp(-(((hue % 360 - 275) / 25) ** 2))))
    crossed = -2 * bend * np.sqrt(chroma**7 / (chroma**7 + 25.0**7)) * by_chroma * by_hue
    return float(np.sqrt(by_light**2 + by_chroma**2 + by_hue**2 + crossed))


def difference(one: str, other: str) -> float:
    """Return how different two colours are for the eye that tells them apart least."""
    return min(ciede2000(lab(one, eye), lab(other, eye)) for eye in EYES)
