"""Texts of files at commits: an answer that does not hold the text that it counts is refused."""

from __future__ import annotations

from typing import Any

import pytest

from flowjoy.clients.faults import MalformedAnswerError
from flowjoy.clients.github_files import texts

COMMIT = "a" * 40


def answer(**changes: object) -> dict[str, Any]:
    file = {"__typename": "Blob", "byteSize": 2, "isTruncated": False, "isBinary": False, "text": "{}", **changes}
    return {"file0": file, "commit0": {"__typename": "Commit", "oid": COMMIT}}


def test_text__is_that_of_the_file() -> None:
    assert texts(answer(), "flowjoy.json", [COMMIT])[COMMIT].text == "{}"


@pytest.mark.parametrize("changes", [{"text": ""}, {"byteSize": 0}])
def test_text__and_its_size_agree(changes: dict[str, object]) -> None:
    with pytest.raises(MalformedAnswerError, match="does not hold the text that it counts"):
        texts(answer(**changes), "flowjoy.json", [COMMIT])
