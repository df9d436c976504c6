"""The recommendations: each only with its signal, and with the numbers that fired it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from flowjoy.analysis.flow.advice import Advice, advise
from flowjoy.domain import Recovery, Week
from tests.unit.analysis.flow.test_divergence_and_spikes import a_week

SEED = [
    a_week(0, code=8, model=5, mttr=1.6),
    a_week(1, code=9, model=4, mttr=2.0),
    a_week(2, code=7, model=6, mttr=1.2),
    a_week(3, code=0, model=0, mttr=None, partial=True),
]


def advice(weeks: Sequence[Week] = (), recoveries: Sequence[Recovery] = (), **changes: Any) -> dict[str, Advice]:
    given = {"drift_is_checked": False, "untagged": None, "divergence_percent": 50.0, **changes}
    return {row.key: row for row in advise(weeks, recoveries, **given)}


def put_down(cause: str, *, resolved: int = 1, still_open: int = 0) -> Recovery:
    nothing: dict[str, Any] = {"mean_hours": 1.0, "median_hours": 1.0, "p90_hours": 1.0}
    return Recovery(cause=cause, resolved=resolved, open=still_open, **nothing)


def test_seed_weeks__fire_three_rows_with_their_numbers() -> None:
    result = advice(SEED)
    assert list(result) == ["packaging", "on-call", "stub"]
    assert (
        result["packaging"].because
        == "Jun 10: 9 code deploys and 4 model deploys: a gap of 5 is more than 50 % of code"
    )
    assert result["on-call"].because == "unified MTTR of Jun 10: 2.0 h, up from 1.6 h"
    assert result["stub"].because == "Jun 03: 8 code deploys and 5 model deploys: models more than 2 behind"
    assert not result["packaging"].escalated
    assert (result["packaging"].value, result["on-call"].value) == (1.0, 1.2)


def test_stub__names_the_diverging_week_only_where_no_other_is_behind() -> None:
    assert advice([a_week(0), a_week(1, code=9, model=4)])["stub"].because.startswith("Jun 10: ")
    assert advice([a_week(0, code=9, model=4), a_week(1, code=8, model=5)])["stub"].because.startswith("Jun 10: ")


def test_counts__that_nobody_read_fire_nothing_and_measure_nothing() -> None:
    unread = [a_week(n, code=9, model=0, models_known=False, diverges=False) for n in range(3)]
    assert advice(unread) == {}
    (row,) = advice([a_week(0, mttr=1.0), a_week(1, mttr=2.0, code_known=False)]).values()
    assert (row.key, row.value) == ("on-call", 2.0)
    weeks = [a_week(0, code=9, model=4), a_week(1, code=9, model=4, code_known=False)]
    assert advice(weeks)["packaging"].value is None


def test_nothing__fires_on_even_weeks() -> None:
    assert advice([a_week(n, code=5, model=5, mttr=1.0) for n in range(8)]) == {}
    assert advice([]) == {}


def test_weeks__of_more_than_a_month_ago_advise_nothing() -> None:
    assert advice([a_week(0, code=9, model=4), *(a_week(n) for n in range(1, 5))]) == {}
    assert "packaging" in advice([a_week(0, code=9, model=4), *(a_week(n) for n in range(1, 4))])


def test_second_week__running_escalates_to_a_spike_of_48_hours() -> None:
    row = advice([a_week(0, code=9, model=4), a_week(1, code=6, model=2)])["packaging"]
    assert row.escalated
    assert row.because.startswith("Jun 10: 6 code deploys and 2 model deploys")
    assert row.because.endswith("for the second week running")
    assert row.do.startswith("run a 48-hour spike to containerise the training job")


def test_running_week__fires_nothing() -> None:
    assert advice([a_week(0), a_week(1, code=9, model=0, mttr=9.0, partial=True)]) == {}


def test_sudden_spike__below_two_hours_is_no_trend() -> None:
    assert advice([a_week(0, mttr=0.5), a_week(1, mttr=1.5)]) == {}


@pytest.mark.parametrize(("recoveries", "checked", "fires"), [
    ([put_down("all"), put_down("MODEL")], False, True),
    ([put_down("all", still_open=1), put_down("MODEL", resolved=0, still_open=1)], False, True),
    ([put_down("all"), put_down("MODEL")], True, False),
    ([put_down("all"), put_down("MODEL", resolved=0), put_down("AMBIGUOUS")], False, False),
    ([], False, False),
])  # fmt: skip
def test_drift__is_advised_where_models_cause_incidents_and_nothing_watches_them(
    recoveries: list[Recovery],
    checked: bool,  # noqa: FBT001
    fires: bool,  # noqa: FBT001
) -> None:
    assert ("drift" in advice(recoveries=recoveries, drift_is_checked=checked)) is fires


def test_drift__says_how_many_of_how_many() -> None:
    recoveries = [put_down("all", resolved=5, still_open=1), put_down("MODEL", resolved=2, still_open=1)]
    row = advice(recoveries=recoveries)["drift"]
    assert row.because.startswith("incidents put down to a model: 3 of 6")
    assert row.value == 3.0


def test_two_behind__is_no_signal() -> None:
    assert advice([a_week(code=9, model=7)]) == {}
    assert list(advice([a_week(code=9, model=6)])) == ["stub"]


def test_every_row__is_documented_as_it_is_given() -> None:
    weeks = [a_week(0, code=9, model=4, mttr=1.0), a_week(1, code=9, model=4, mttr=3.0)]
    result = advice(weeks, [put_down("all"), put_down("MODEL")], untagged="shop:1a2b-3c4d")
    page = (Path(__file__).parents[4] / "docs" / "metrics.md").read_text()
    table = page.partition("## Divergence, spikes, advice")[2].partition("\n## ")[0]
    benefits = [line.split("|")[3].strip() for line in table.splitlines() if line.startswith("|")][2:]
    assert [row.benefit for row in result.values()] == benefits
    texts = ("same CI job as the service container", "on-call one week a month", "feature-flag pull request",
             "live against training distribution", "flowjoy.unified_tag")  # fmt: skip
    for row, word in zip(result.values(), texts, strict=True):
        assert word in row.do
        assert word in table
        assert row.measure


def test_tag__is_advised_where_nothing_carries_one() -> None:
    assert "shop:1a2b-3c4d" in advice(untagged="shop:1a2b-3c4d")["tag"].because
