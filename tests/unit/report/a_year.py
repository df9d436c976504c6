"""A busy year of one service, made up by rule: for the page, its pictures and the browser."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from typing import Any

from flowjoy.domain import Action, Branch, CoverageState, Incident, Inventory, ModelRecord, ModelVersion, OpenPull
from flowjoy.domain.bundle import Bundle
from tests.builders import a_bundle, a_coverage, a_deploy, a_ship, an_incident, at

WEEK = 7 * 24
HOSTILE = (
    "<script>alert(1)</script>",
    "$\\frac{$",
    "\u202eabc\u202c \u05d0\u05d1\u05d2",
    "\u202e" + "x" * 300,
    "</style><img src=x onerror=alert(1)>",
)


def a_year(*, weeks: int = 52, models: tuple[str, ...] = ("recommender", "ranker"), **changes: Any) -> Bundle:
    """Some five deploys a week, models that follow, lag for a month, and catch up; incidents every other week."""
    places = [(week, day) for week in range(weeks) for day in range(5)]
    code = [
        a_deploy(week * WEEK + day * 26, sha256(b"%d.%d" % (week, day)).hexdigest()[:40], id=f"deployment:{week}.{day}")
        for week, day in places
    ]
    ships: list[ModelRecord] = []
    incidents: list[Incident] = []
    for week in range(weeks):
        lagging = week % 13 in (10, 11, 12)
        for number, model in enumerate(models):
            for day in range(1 if lagging else 4):
                hours = week * WEEK + day * 26 + 12 + 9 * number
                ships.append(a_ship(hours, str(len(ships) + 1), model=model, registered_at=at(hours - 20)))
        if week % 2:
            start = week * WEEK + 28 + week % 20
            incidents.append(
                an_incident(start, hours=0.5 + week % 5, id=f"incident:pagerduty:Q{week}", source="pagerduty")
            )
    until = at((weeks - 1) * WEEK + 5 * 26)
    incidents.append(an_incident((weeks - 1) * WEEK + 120, hours=None, id="incident:github:12", source="github"))
    ordinary = a_bundle(
        code,
        ships,
        incidents,
        until=until,
        weeks=weeks,
        terms={"models": models},
        coverage=(a_coverage("code"), a_coverage("models"), a_coverage("incidents (PagerDuty)", required=False)),
        unshipped=tuple(ModelVersion(name=m, version="999", ready=True, registered_at=at(5)) for m in models),
        inventory=Inventory(
            read_at=until,
            pulls=(OpenPull(number=7, title="Rank by margin", created_at=at(100), state="waiting for review"),),
            pulls_total=3,
            branches=(Branch(name="old-idea", committed_at=at(9)),),
            branches_total=9,
        ),
        actions=(Action(week=at(-9), key="packaging", do="package the model", measure="gap", value=4.0),),
    )
    return replace(ordinary, **changes)


def a_hostile_bundle() -> Bundle:
    """Foreign text that wants to be markup, everywhere where a name or a title can stand."""
    names = HOSTILE
    deploys = [a_deploy(n, sha=name, id=f"deployment:{name}") for n, name in enumerate(names)]
    ships = [a_ship(n + 60, version=name, model=name, run_id=name) for n, name in enumerate(names)]
    incidents = [
        an_incident(n + 1, id=f"incident:github:{name}", title=name, source=name) for n, name in enumerate(names)
    ]
    return a_bundle(
        deploys,
        ships,
        incidents,
        service=names[0],
        terms={"models": names, "model_signal": "tag:x"},
        coverage=(
            a_coverage("code"),
            a_coverage("models", notes=names),
            a_coverage(f"incidents {names[0]}", CoverageState.COMPLETE, required=False, reason=names[4], hint=names[0]),
        ),
        unshipped=tuple(ModelVersion(name=name, version=name, ready=True) for name in names),
        inventory=Inventory(
            read_at=at(3 * WEEK),
            pulls=tuple(
                OpenPull(number=n, title=name, created_at=at(n), state="waiting for review")
                for n, name in enumerate(names)
            ),
            branches=tuple(Branch(name=name, committed_at=at(-900)) for name in names),
        ),
        actions=tuple(Action(week=at(-9), key=name, do=name, measure=name, value=1.0) for name in names),
    )
