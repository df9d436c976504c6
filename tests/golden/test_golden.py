"""Every sentence of a surface as it is written. The tests of the surface assert facts: names, numbers and lines."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flowjoy.config.inputs import declared
from tests.golden import source_faults as faults
from tests.golden import surfaces as states
from tests.unit.analysis.promise.test_model_stub import FOREIGN, SLIPS, refusal

HERE = Path(__file__).parent
WRONG = ("\x01", "?", "x" * 300)
"""Every input refuses one of these, except for lists of patterns and names, which take almost any text."""


def stub_errors() -> Iterator[str]:
    for text in (*FOREIGN, *(text for text, _ in SLIPS)):
        yield f"{text[:60]!r}\n    {refusal(text)}"


def input_problems() -> Iterator[str]:
    for item in declared(Path("/workspace")):
        for value in WRONG:
            try:
                item.parse(value)
            except ValueError as problem:
                yield f"{item.name}\n    expected {problem}"
                break


def surfaces() -> Iterator[str]:
    yield from states.sentences()


def source_faults() -> Iterator[str]:
    yield from faults.sentences()


@pytest.mark.parametrize("surface", [stub_errors, input_problems, source_faults, surfaces])
def test_sentences__are_those_that_were_read(surface: Callable[[], Iterator[str]]) -> None:
    path, text = HERE / f"{surface.__name__}.txt", "\n".join((*surface(), ""))
    if os.environ.get("GOLDEN") == "write":
        path.write_text(text)
    assert path.read_text() == text
