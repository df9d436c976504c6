"""`python -m flowjoy rollup`: its files, exit codes, mistakes and progress."""

from __future__ import annotations

import csv
import io
import re
import shutil
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from flowjoy.cli.rollup import _parser, rollup
from flowjoy.domain import CoverageState
from flowjoy.domain.facts import FACTS
from flowjoy.domain.timestamps import iso
from flowjoy.ledger import facts_format
from flowjoy.sources import bundle_files
from tests.builders import a_coverage, a_deploy, a_ship, at
from tests.organisation import HOSTILE, Service, a_report, write_lake


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Lake:
    """A folder of bundles, and the roll-up of it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.out = folder / "lake", folder / "out"
        self.folder.mkdir()

    def run(self, *arguments: str, watched: io.StringIO | None = None, jobs: int = 1) -> tuple[int, str]:
        stream = io.StringIO()
        given = [*arguments, str(self.folder), "--output-dir", str(self.out), "--jobs", str(jobs)]
        return rollup(given, stream, watched), stream.getvalue()

    def rows(self, name: str) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO((self.out / name).read_text())))

    def files(self) -> dict[str, bytes]:
        return {str(path.relative_to(self.out)): path.read_bytes() for path in self.out.rglob("*") if path.is_file()}


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path)


def kept() -> Service:
    return Service(a_report([a_deploy(0)], [a_ship(5)], until=at(100)))


def broken() -> Service:
    return Service(a_report([a_deploy(0)], until=at(100), service="broken"))


def test_rollup__writes_every_file_and_says_how_it_stands(lake: Lake) -> None:
    kept().write(lake.folder)
    broken().write(lake.folder)
    code, log = lake.run()
    assert code == 0
    assert "2 services as of 2024-06-07T13:00:00Z: 0 unknown (0 silent), 1 broken" in log
    csvs = {"services.csv", "service_weeks.csv", "models.csv", "teams.csv", "coverage.csv"}
    assert {*csvs, *(facts_format.file_name(kind.fact) for kind in FACTS)} <= set(lake.files())
    assert [(row["service"], row["promise"], row["rate_percent"]) for row in lake.rows("services.csv")] == [
        ("broken", "breached", "0.0"),
        ("shop", "met", "100.0"),
    ]
    assert [row["team"] for row in lake.rows("teams.csv")] == ["", "organisation (blended)"]


def test_exit_code__is_1_only_where_a_named_state_occurs(lake: Lake) -> None:
    kept().write(lake.folder)
    late = ("--as-of", "2024-06-20T00:00:00Z")
    assert lake.run("--fail-on", "silent,breached")[0] == 0
    assert lake.run("--fail-on", "silent", *late)[0] == 1
    assert lake.run("--fail-on", "breached", *late)[0] == 0
    broken().write(lake.folder)
    code, log = lake.run("--fail-on", "breached")
    assert (code, "--fail-on: acme/" in log) == (1, True), log
    assert lake.run()[0] == 0


def test_exit_code__is_1_for_a_service_that_is_unknown_whatever_the_reason(lake: Lake) -> None:
    """It reports, but its deadline passed after its last report; or its own run could not decide; or it is silent."""
    Service(a_report([a_deploy(0)], until=at(40), service="running")).write(lake.folder)
    assert lake.run("--fail-on", "unknown", "--as-of", iso(at(48)))[0] == 0
    lapsed = ("--as-of", iso(at(49)))
    assert lake.run("--fail-on", "silent,breached", *lapsed)[0] == 0
    code, log = lake.run("--fail-on", "unknown,silent,breached", *lapsed)
    assert (code, "--fail-on: acme/" in log, "1 unknown (0 silent), 0 broken" in log) == (1, True, True), log
    unread = (a_coverage("code"), a_coverage("models", CoverageState.FAILED))
    Service(a_report([a_deploy(0)], until=at(48), service="undecided", coverage=unread)).write(lake.folder)
    assert "2 unknown (0 silent), 0 broken" in lake.run(*lapsed)[1]
    code, log = lake.run("--fail-on", "unknown", "--as-of", iso(at(480)))
    assert (code, "2 unknown (2 silent)" in log) == (1, True), log


def test_services__that_the_roll_up_would_overwrite_are_refused(lake: Lake) -> None:
    kept().write(lake.folder)
    lake.out.mkdir()
    given = lake.out / "services.csv"
    given.write_text("repository,service,team\nacme/shop,shop,web\n")
    code, log = lake.run("--services", str(given))
    assert (code, "lies in --output-dir" in log, given.read_text().count("\n")) == (2, True, 2), log


def test_exit_code__is_2_with_strict_and_a_refusal(lake: Lake) -> None:
    kept().write(lake.folder)
    (lake.folder / "no.json").write_text("{")
    code, log = lake.run()
    assert (code, "no.json: refused: this is not a FlowJoy bundle" in log) == (0, True)
    code, log = lake.run("--strict")
    assert (code, "--strict: 1 bundle refused (see coverage.csv)" in log) == (2, True), log
    assert ("refused", "this is not a FlowJoy bundle: it is not JSON") in [
        (row["state"], row["problem"]) for row in lake.rows("coverage.csv")
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--weeks", "0"), "--weeks 0: expected a number from 1 to 56"),
        (("--silent-after-hours", "0"), "--silent-after-hours 0: expected at least 1"),
        (("--as-of", "yesterday"), "--as-of: 'yesterday' is not an ISO 8601 timestamp"),
        (("--fail-on", "sad"), "--fail-on 'sad': expected some of unknown, silent, breached, with commas"),
        (("--fail-on", ""), "--fail-on '': expected some of unknown, silent, breached"),
        (("--services", "none.csv"), "--services: none.csv cannot be read"),
        (("nowhere",), "nowhere: expected a folder or a file, but it does not exist"),
        ((), "no bundle in these folders"),
    ],
)
def test_mistake__ends_with_2_and_names_the_cure(lake: Lake, arguments: tuple[str, ...], message: str) -> None:
    code, log = lake.run(*arguments)
    assert (code, message in log) == (2, True), log


@pytest.mark.parametrize("jobs", [0, -1])
def test_jobs__below_one_are_refused(lake: Lake, jobs: int) -> None:
    code, log = lake.run(jobs=jobs)
    assert (code, f"--jobs {jobs}: expected at least 1" in log) == (2, True), log


def test_as_of__before_every_bundle_says_so(lake: Lake) -> None:
    kept().write(lake.folder)
    code, log = lake.run("--as-of", "2020-01-01T00:00:00Z")
    cure = "every bundle in these folders was written after 2020-01-01T00:00:00Z. Set a later --as-of"
    assert (code, cure in log) == (2, True), log


def test_services_file__gives_teams_and_who_never_reported(lake: Lake, tmp_path: Path) -> None:
    kept().write(lake.folder)
    roster = tmp_path / "services.csv"
    roster.write_text("\ufeffrepository,service,team\nAcme/Shop,shop,web\nacme/search,search,\n")
    assert lake.run("--services", str(roster))[0] == 0
    assert [(row["service"], row["team"], row["state"]) for row in lake.rows("services.csv")] == [
        ("search", "", "never reported"),
        ("shop", "web", "reporting"),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("repository,team\nacme/shop,web\n", "lacks service. Begin it with the line"),
        ("repository,service\nshop,shop\n", "line 2: expected owner/name and a service"),
        ("repository,service\nacme/shop,a\nacme/shop,a\n", "line 3: acme/shop a is listed twice"),
    ],
)
def test_services_file__with_a_mistake_is_refused(lake: Lake, tmp_path: Path, text: str, message: str) -> None:
    roster = tmp_path / "services.csv"
    roster.write_text(text)
    code, log = lake.run("--services", str(roster))
    assert (code, message in log) == (2, True), log


@pytest.mark.matrix
def test_same_bundles__give_the_same_bytes_with_any_cache_and_number_of_processes(lake: Lake, tmp_path: Path) -> None:
    write_lake(lake.folder, 18, days=20)
    lake.run(jobs=2)
    first = lake.files()
    lake.run()
    assert lake.files() == first
    shutil.rmtree(lake.out)
    lake.run()
    assert lake.files() == first


def test_second_run__computes_only_what_is_new(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    kept().write(lake.folder)
    lake.run()
    (path,) = lake.folder.rglob("*.json")
    raw = path.read_bytes()
    broken().write(lake.folder)
    computed = []
    original = bundle_files.facts_in

    def watch(content: bytes) -> object:
        computed.append(content)
        return original(content)

    monkeypatch.setattr("flowjoy.pipeline.rollup_local.facts_in", watch)
    lake.run()
    assert len(computed) == 1
    assert raw not in computed
    assert len(lake.rows("services.csv")) == 2


def test_facts_of_another_flowjoy__are_computed_again(lake: Lake) -> None:
    kept().write(lake.folder)
    lake.run()
    right = lake.files()
    for path in (lake.out / "facts").iterdir():
        table = pq.read_table(path)
        metadata = {key: b"1 another " + value for key, value in table.schema.metadata.items()}
        pq.write_table(table.slice(0, 0).replace_schema_metadata(metadata), path)
    lake.run()
    assert lake.files() == right
    (lake.out / "facts" / "event.parquet").write_bytes(b"spoilt")
    lake.run()
    assert lake.files() == right


def test_hostile_names__stay_one_harmless_cell(lake: Lake) -> None:
    Service(a_report([a_deploy(0)], until=at(100), service=HOSTILE)).write(lake.folder)
    lake.run()
    (row,) = lake.rows("services.csv")
    assert row["service"] == f"'{HOSTILE}"
    assert len(lake.rows("coverage.csv")) == 1


def test_progress__is_shown_to_a_person_alone(lake: Lake) -> None:
    kept().write(lake.folder)
    (lake.folder / "no.json").write_text("{")
    terminal, pipe = Terminal(), io.StringIO()
    lake.run(watched=terminal)
    lake.run(watched=pipe)
    assert "2 of 2 bundles read, 1 refused, 0 s left" in terminal.getvalue()
    assert pipe.getvalue() == ""


def test_rollup__is_a_command(tmp_path: Path) -> None:
    from flowjoy.__main__ import _COMMANDS, _USAGE

    assert "rollup" in _COMMANDS
    assert "python -m flowjoy rollup" in _USAGE


def test_docs__list_every_option_and_file(lake: Lake) -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "rollup.md").read_text()
    options = set(re.findall(r"^\| `(--[a-z-]+)` \|", page, re.MULTILINE))
    assert options == {name for name in _parser()._option_string_actions if name.startswith("--")} - {"--help"}
    kept().write(lake.folder)
    lake.run()
    documented = set(re.findall(r"^\| `([a-z_/*.]+\.[a-z]+)` \|", page, re.MULTILINE))
    assert documented == {re.sub(r"^facts/\w+", "facts/*", name) for name in lake.files()}


def test_duckdb__that_is_not_installed_is_a_mistake_with_its_cure(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    kept().write(lake.folder)
    monkeypatch.setitem(sys.modules, "duckdb", None)
    code, log = lake.run()
    assert (code, "DuckDB is not installed. Run pip install duckdb, or set --spark-master" in log) == (2, True), log
