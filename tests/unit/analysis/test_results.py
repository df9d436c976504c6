"""The results of a run, taken together."""

from __future__ import annotations

from datetime import date
from typing import Any

from flowjoy.analysis.results import analyse
from flowjoy.domain import AlertState
from tests.builders import a_bundle, a_coverage, an_incident, at

WEEK = 168
READ = (a_coverage("code"), a_coverage("models"), a_coverage("incidents", required=False))
HOURS = (1.0, 5.0, 1.0, 6.0)
SPIKES = [date(2024, 6, 10), date(2024, 6, 24)]


def spiking(**changes: Any) -> frozenset[date]:
    """Return the alerted spikes of four weeks, of which the second and the last one spike."""
    incidents = [an_incident(week * WEEK + 9, hours=hours) for week, hours in enumerate(HOURS)]
    results = analyse(a_bundle([], [], incidents, until=at(4 * WEEK + 9), weeks=5, coverage=READ, **changes))
    assert [spike.week.week for spike in results.spikes] == SPIKES
    return results.alerted_spikes


def test_alerted_spikes__are_those_that_fire_now_or_were_sent() -> None:
    sent = AlertState(key="acme/shop/shop/mttr-spike/2024-06-10", step="new", at=at(2 * WEEK), sink="slack")
    assert spiking(first_trusted_at=at()) == {SPIKES[1]}
    assert spiking(first_trusted_at=at(), alerts=(sent,)) == set(SPIKES)


def test_alerted_spikes__leave_out_one_that_is_older_than_the_first_alert() -> None:
    assert spiking(first_trusted_at=at(4 * WEEK + 8)) == frozenset()
