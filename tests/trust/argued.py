"""Survivors that are no gap: (file, changed line) → why no test can or need notice the change."""

from __future__ import annotations

ARGUED: dict[tuple[str, str], str] = {}
