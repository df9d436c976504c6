"""The evidence beside each incident: which deploy, how much earlier, and what else it may have been."""

from __future__ import annotations

from typing import Any

import pytest

from flowjoy.findings import find
from flowjoy.model import CodeRecord, Incident, ModelRecord
from flowjoy.report.incidents import evidence
from flowjoy.report.markdown import summary
from tests.builders import a_bundle, a_deploy, a_ship, an_incident, at

SHA = "1a2b3c4d5e6f" + "0" * 28


def said_of(code: list[CodeRecord], models: list[ModelRecord], *incidents: Incident) -> list[str]:
    return list(evidence(find(a_bundle(code, models, incidents or (an_incident(100),)))))


@pytest.mark.parametrize(
    ("code", "models", "said"),
    [
        (
            [a_deploy(97, SHA)],
            [a_ship(99.5, "7")],
            "MODEL recommender v7, 30 m earlier; runner-up CODE 1a2b3c4d5e6f, 3 h 0 m",
        ),
        ([a_deploy(99.5, SHA)], [], "CODE 1a2b3c4d5e6f, 30 m earlier"),
        (
            [a_deploy(99.25, SHA)],
            [a_ship(99.5, "7")],
            "MODEL recommender v7, 30 m earlier, or CODE 1a2b3c4d5e6f, 45 m: too close to tell",
        ),
        ([a_deploy(70, SHA)], [], "no deploy in the 24 h before it; nearest CODE 1a2b3c4d5e6f, 30 h 0 m earlier"),
        ([a_deploy(101, SHA)], [], "no deploy in the 24 h before it; nearest CODE 1a2b3c4d5e6f, 1 h 0 m later"),
        ([], [], "no deploy in the 24 h before it"),
        ([a_deploy(99, None)], [], "CODE deploy, 1 h 0 m earlier"),
        ([], [a_ship(99, None)], "MODEL recommender, 1 h 0 m earlier"),
        ([a_deploy(100, SHA)], [], "CODE 1a2b3c4d5e6f, 0 s earlier"),
        ([a_deploy(60, SHA)], [a_ship(99, "7")], "MODEL recommender v7, 1 h 0 m earlier"),
    ],
)
def test_evidence__names_the_cause_and_the_runner_up(
    code: list[CodeRecord], models: list[ModelRecord], said: str
) -> None:
    assert said_of(code, models) == [said]


def test_summary__tells_all_by_cause_and_newest_first() -> None:
    incidents = [
        an_incident(100, hours=1),
        an_incident(150, hours=3),
        an_incident(152, hours=None, id="incident:pagerduty:Q7", source="pagerduty"),
    ]
    text = summary(find(a_bundle([a_deploy(99, SHA)], [a_ship(149, "7")], incidents)))
    assert "| **all: unified MTTR** | 2 | 1 | 2.0 | 2.0 | 2.8 |" in text
    assert "| CODE | 1 | 0 | 1.0 | 1.0 | 1.0 |" in text
    assert "| MODEL | 1 | 1 | 3.0 | 3.0 | 3.0 |" in text
    assert "1 incident still open (the oldest ≥ 352.0 h), in no mean." in text
    newest = text.index("<code>Q7</code>")
    assert newest < text.index("<code>2024-06-")
    assert "≥ 14 d 16 h, open" in text


def test_summary__of_thousands_stays_short() -> None:
    incidents = [an_incident(n / 20, id=f"incident:file:{n}") for n in range(5000)]
    text = summary(find(a_bundle([a_deploy(1)], [a_ship(2)], incidents)))
    assert "… and 4980 more, in `incidents.csv`." in text
    assert len(text) < 60_000


@pytest.mark.parametrize("hostile", ["<script>alert(1)</script>", "a|b\n::set-output name=x::y", "@octo-org/admins"])
def test_evidence__foreign_names_stay_text(hostile: str) -> None:
    found: Any = find(a_bundle([], [a_ship(99, "7", name=hostile)], [an_incident(100, id=f"incident:file:{hostile}")]))
    text = summary(found)
    assert hostile not in text
    assert "\n" not in next(iter(evidence(found)))


def test_summary__without_any_incident_says_nothing_of_them() -> None:
    assert "### Incidents" not in summary(find(a_bundle([a_deploy(1)], [a_ship(2)], until=at(500))))
