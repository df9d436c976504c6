from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from flowjoy.actions.workflow_commands import escape_data, escape_property, safe_line
from tests.fakes.actions_runner import commands_in
from tests.unit.actions.test_core import HOSTILE


@given(text=st.one_of(HOSTILE, st.text()), before=st.sampled_from(["", " ", "x" * 3990]))
def test_safe_line__no_text_is_a_command(text: str, before: str) -> None:
    line = safe_line(before + text)
    assert commands_in(line) == []
    assert not re.search(r"[\r\n\x1b\x00]", line)


@given(text=st.text(st.sampled_from("%025AD3Cx:,\r\n")))
def test_escape__a_message_and_a_property_read_back_exactly(text: str) -> None:
    (only,) = commands_in(f"::error title={escape_property(text)}::{escape_data(text)}")
    assert (only.properties["title"], only.data) == (text, text)


def test_safe_line__ordinary_text_is_left_alone() -> None:
    for line in ("recommender v12: 31 h 12 m", "a::b", "# [x]", "Größe ≥ 5 µs ✓", "\tindented"):
        assert safe_line(line) == line


def test_safe_line__no_mark_turns_the_direction_of_the_text() -> None:
    assert safe_line("\u202erednik\u2066x\u2069\u200b") == " rednik x  "


def test_safe_line__colours_go_and_text_stays() -> None:
    assert safe_line("\x1b[1;31mred\x1b[0m \x1b]8;;https://x\x07link\x1b]8;;\x07") == "red link"


def test_safe_line__an_escape_without_an_end_does_not_swallow_the_rest() -> None:
    assert "promise broken" in safe_line("\x1b]0;title: promise broken")


def test_safe_line__at_most_4000_characters() -> None:
    assert len(safe_line("x" * 100_000)) == 4000
    assert safe_line("x" * 100_000).endswith("…")
    assert safe_line("x" * 4000) == "x" * 4000
