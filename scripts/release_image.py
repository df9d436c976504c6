"""Writes the image of a release into action.yml: `python3 scripts/release_image.py HOST/OWNER/NAME@sha256:…`.

Needs the standard library only. On main, action.yml names the Dockerfile.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ACTION = Path(__file__).resolve().parents[1] / "action.yml"
_BUILT_FROM = "\n  image: Dockerfile\n"
_REFERENCE = re.compile(r"[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9._-]+)+@sha256:[0-9a-f]{64}")


def with_image(action: str, reference: str) -> str:
    """Return the text of action.yml with the image pulled by `reference` instead of built; only that line differs.

    Raise ValueError unless `reference` is a name with a sha256 digest and the action builds its Dockerfile.
    """
    if not _REFERENCE.fullmatch(reference):
        raise ValueError(f"{reference!r}: is not an image by digest. Give it as HOST/OWNER/NAME@sha256:<64 digits>.")
    if action.count(_BUILT_FROM) != 1:
        raise ValueError("action.yml: does not build its Dockerfile. Start the release from main.")
    return action.replace(_BUILT_FROM, f"\n  image: docker://{reference}\n")


def main(arguments: list[str]) -> int:
    """Rewrite action.yml. Return 0, or 1 with the reason on standard error."""
    (reference,) = arguments
    try:
        text = with_image(ACTION.read_text(encoding="utf-8"), reference)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    ACTION.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
