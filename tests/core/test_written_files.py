"""The files of a report: no secret in any, none through a link, and one that fails takes no other with it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from flowjoy.bundle import to_json
from flowjoy.files import renderings, write
from flowjoy.findings import find
from flowjoy.model import CoverageState
from flowjoy.redaction import Redactor
from tests.builders import a_bundle, a_coverage, a_deploy, a_ship, an_incident

SECRET = 'ghs_canary/"0123456789'
PNG = b"\x89PNG\r\n\x1a\n"


class Report:
    """What was written into a folder of a workspace, and what was warned of."""

    def __init__(self, workspace: Path, files: Mapping[str, Callable[[], bytes]]) -> None:
        self.folder = workspace / "report"
        self.warnings: list[str] = []
        self.paths = write(files, self.folder, workspace, self.warnings.append, Redactor([SECRET]))


def broken() -> bytes:
    raise ValueError("no font")


def test_write__gives_each_path_relative_to_the_workspace(tmp_path: Path) -> None:
    report = Report(tmp_path, {"a.csv": lambda: b"x", "b.json": lambda: b"y"})
    assert report.paths == {"a.csv": "report/a.csv", "b.json": "report/b.json"}
    assert (tmp_path / "report" / "b.json").read_bytes() == b"y"


def test_write__a_secret_that_a_server_said_back_is_in_no_file(tmp_path: Path) -> None:
    said = f"the token may not read this (Bad token {SECRET})"
    bundle = a_bundle(
        [a_deploy(1, url=f"https://x/{SECRET}")],
        [a_ship(2, SECRET)],
        [an_incident(3, title=said, id=SECRET)],
        coverage=(a_coverage("code", CoverageState.FAILED, reason=said, hint=said, notes=(said,)),),
    )
    report = Report(tmp_path, renderings(find(bundle), to_json(bundle)))
    assert report.warnings == []
    assert len(report.paths) >= 6
    for name in report.paths:
        raw = (report.folder / name).read_bytes()
        assert SECRET.encode() not in raw
        assert json.dumps(SECRET)[1:-1].encode() not in raw
    assert json.loads((report.folder / "flowjoy-bundle.json").read_bytes())["coverage"][0]["reason"].count("***") == 1


def test_write__a_picture_is_written_as_it_is(tmp_path: Path) -> None:
    report = Report(tmp_path, {"a.png": lambda: PNG + SECRET.encode()})
    assert (report.folder / "a.png").read_bytes() == PNG + SECRET.encode()


@pytest.mark.parametrize("names", [("a", "b"), ("b", "a")])
def test_write__a_file_that_fails_is_a_warning_and_the_others_are_written(
    tmp_path: Path, names: tuple[str, str]
) -> None:
    report = Report(tmp_path, {name: broken if name == "a" else lambda: b"x" for name in names})
    assert report.paths == {"b": "report/b"}
    assert report.warnings == ["a could not be written (ValueError)"]


def test_write__a_folder_that_cannot_be_made_is_a_warning_for_each_file(tmp_path: Path) -> None:
    (tmp_path / "report").write_text("a file stands here")
    report = Report(tmp_path, {"a": lambda: b"x", "b": lambda: b"x"})
    assert report.paths == {}
    assert [warning.split(" (")[0] for warning in report.warnings] == [
        "a could not be written",
        "b could not be written",
    ]


def test_write__a_link_that_the_repository_laid_is_not_written_through(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("untouched")
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "a").symlink_to(elsewhere)
    Report(tmp_path, {"a": lambda: b"x"})
    assert elsewhere.read_text() == "untouched"
    assert (tmp_path / "report" / "a").read_bytes() == b"x"
