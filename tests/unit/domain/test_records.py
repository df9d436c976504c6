from __future__ import annotations

import pytest

from flowjoy.domain import CoverageState, Note, NoteLevel, SourceKind
from flowjoy.ledger.bundle_format import from_json, to_json
from tests.builders import a_bundle, a_coverage


@pytest.mark.parametrize("kind", SourceKind)
@pytest.mark.parametrize("label", ["", "GitHub deployments", "artifact shop (eu)", "models"])
def test_coverage__knows_the_kind_of_its_source(kind: SourceKind, label: str) -> None:
    assert a_coverage(kind.named(label)).kind is kind


@pytest.mark.parametrize("source", ["", "coder", "code review (GitHub)", "codes", "Code (file)"])
def test_coverage__of_a_source_of_another_version_is_of_no_kind(source: str) -> None:
    assert a_coverage(source).kind is None


def test_notes__are_plain_texts_in_a_bundle() -> None:
    notes = (Note("one row ends before it starts", NoteLevel.WARNING), Note("two rows left out"))
    bundle = a_bundle(coverage=(a_coverage("code", CoverageState.COMPLETE, notes=notes),))
    (read,) = from_json(to_json(bundle)).coverage
    assert read.notes == ("one row ends before it starts", "two rows left out")
    assert [note.level for note in notes] == [NoteLevel.WARNING, NoteLevel.NOTICE]
