"""The page of many services: what is silent and broken comes first, names are inert, and 5,000 services fit."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from flowjoy.domain.rollup import RollUp
from flowjoy.domain.rollup_rows import ExpectedService
from flowjoy.ledger import facts_format
from flowjoy.pipeline.rollup import RollUpTerms, roll_up
from flowjoy.report.rollup import pictures
from flowjoy.report.rollup.page import banner, page
from flowjoy.report.rollup.prom import text
from flowjoy.report.rollup.tables import csv_files
from flowjoy.sources.bundle_files import facts_in
from tests.builders import a_deploy, a_ship, at
from tests.organisation import HOSTILE, Service, a_report, organisation
from tests.rolled_up import Copied, rolled_up, unwatched

SAMPLE = re.compile(r'(\w+)\{((?:\w+="(?:[^"\\\n]|\\[\\"n])*",?)*)\} (-?[\d.e+]+)')
GAUGE = re.compile(r"# (?:HELP \w+ .+|TYPE \w+ gauge)")


def of(folder: Path, *services: Service, expected: tuple[ExpectedService, ...] = ()) -> RollUp:
    for service in services:
        service.write(folder)
    return rolled_up(folder, expected=expected)


def kept(name: str = "shop", until: float = 100) -> Service:
    return Service(a_report([a_deploy(0)], [a_ship(5)], until=at(until), service=name))


def broken(name: str = "broken") -> Service:
    return Service(a_report([a_deploy(0)], until=at(100), service=name))


def headings(view: RollUp) -> list[str]:
    return re.findall(r'<h2 id="(\w+)-title">', page(view).decode())


def test_page__shows_the_silent_first_and_then_the_broken(tmp_path: Path) -> None:
    missing = (ExpectedService(repository="acme/search", service="search"),)
    view = of(tmp_path, kept(), broken(), expected=missing)
    assert headings(view) == ["silent", "broken", "models", "weeks", "trend", "teams"]
    assert (str(banner(view).title), banner(view).mark) == ("1 of 3 services breaks the promise", "bad")


LATE = Service(a_report([a_deploy(0)], [a_ship(60)], until=at(100)))


@pytest.mark.parametrize(
    ("services", "expected", "title", "mark"),
    [
        ((kept(),), (), "the service breaks no promise now", "good"),
        ((LATE,), (), "the service breaks no promise now", "calm"),
        ((kept(), kept("other")), (), "none of 2 services breaks the promise now", "good"),
        ((kept(), kept("old", 40)), (), "1 of 2 services is unknown", "wait"),
    ],
)
def test_banner__is_good_only_where_everything_is_known(
    tmp_path: Path, services: tuple[Service, ...], expected: tuple[ExpectedService, ...], title: str, mark: str
) -> None:
    view = of(tmp_path, *services, expected=expected)
    assert (banner(view).title, banner(view).mark) == (title, mark)


def test_page__loads_nothing_and_hostile_names_are_inert(tmp_path: Path) -> None:
    hostile = Service(a_report([a_deploy(0)], until=at(100), service=HOSTILE, terms={"models": (HOSTILE,)}))
    view = of(tmp_path, hostile, expected=(ExpectedService(repository="acme/x", service=HOSTILE, team=HOSTILE),))
    raw = page(view).decode()
    assert "<script>alert" not in raw
    assert "default-src 'none'" in raw
    assert re.findall(r'(?:src|href)="(?!#|data:image/svg)[^"]*', raw) == []
    for source in re.findall(r"data:image/svg\+xml;base64,([^\"]+)", raw):
        assert ET.fromstring(base64.b64decode(source)).tag.endswith("svg")  # noqa: S314  (our own picture)


def test_map__hatches_what_is_not_known_and_joins_the_best_by_team() -> None:
    view = _many(pictures.SHOWN + 10)
    drawn = pictures.heat_map(view).svg()
    assert 'fill="url(#hatched)"' in drawn
    names = re.findall(r'text-anchor="end">([^<]+)<', drawn)
    assert len(names) == pictures.SHOWN + 2
    teams = [re.fullmatch(r"(no team|search): (\d+) more", name) for name in names[-2:]]
    assert [team and team[1] for team in teams] == ["no team", "search"]
    assert sum(int(team[2]) for team in teams if team) == 10


@pytest.mark.matrix
def test_page__of_5000_services_fits_in_a_megabyte() -> None:
    view = _many(5_000)
    assert len(view.services) == 5_000
    assert len(page(view)) <= 1_000_000


def test_metrics__are_openmetrics_and_unknown_has_no_sample(tmp_path: Path) -> None:
    hostile = Service(a_report([a_deploy(0)], until=at(100), service=HOSTILE, terms={"models": (HOSTILE,)}))
    view = of(tmp_path, kept(), hostile, kept("old", 40))
    *lines, end, nothing = text(view).decode().split("\n")
    assert (end, nothing) == ("# EOF", "")
    samples = [SAMPLE.fullmatch(line) for line in lines if not line.startswith("# ")]
    assert None not in samples
    assert all(GAUGE.fullmatch(line) for line in lines if line.startswith("# "))
    read = {(match[1], match[2]): float(match[3]) for match in samples if match}
    assert len(read) == len(samples)
    old = 'repository="acme/shop",service="old"'
    assert read["flowjoy_service_state", f'{old},state="silent"'] == 1
    assert read["flowjoy_service_promise", f'{old},promise="unknown"'] == 1
    assert ("flowjoy_open_breaches", old) not in read
    assert read["flowjoy_open_breaches", 'repository="acme/shop",service="shop"'] == 0
    assert sum(value for (name, _), value in read.items() if name == "flowjoy_open_breaches") == 1


def test_csv__rate_is_blank_where_nothing_was_due(tmp_path: Path) -> None:
    view = of(tmp_path, Service(a_report([], [a_ship(3)], until=at(100))))
    header, row = csv_files(view)["services.csv"]().decode().splitlines()
    cells = dict(zip(header.split(","), row.split(","), strict=True))
    assert (cells["rate_percent"], cells["rate_n"], cells["promise"]) == ("", "0", "none")
    assert (cells["mttr_hours"], cells["recovery_median_hours"], cells["resolved"]) == ("", "", "0")


def _many(count: int) -> RollUp:
    facts = facts_format.tables_of((f"{n:04d}", facts_in(item.raw)) for n, item in enumerate(organisation(13, days=30)))
    engine = Copied(facts, count)
    known = sorted(
        {(item.bundle.repository, item.bundle.service) for item in engine.read([*engine.paths()], unwatched).values()}
    )
    teams = tuple(ExpectedService(repository=str(repository), service=str(service), team="search")
                  for repository, service in known[::2])  # fmt: skip
    return roll_up(engine, RollUpTerms(expected=teams), unwatched)
