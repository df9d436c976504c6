"""The drift chart, read back from the figure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from matplotlib.colors import to_hex

from flowjoy.domain.drift import DriftCheck, DriftStatus
from flowjoy.report import palette
from flowjoy.report.charts import drift as chart
from flowjoy.report.charts import style
from tests.builders import a_drift_check

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAGE = 72 * style.INCHES[0]


def a_check(features: int, status: DriftStatus = DriftStatus.DRIFT, *, over: bool = True) -> DriftCheck:
    """A check of so many features, all alike but for their names."""
    check = a_drift_check(over=over)
    named = tuple(replace(check.features[0], name=f"feature {number}") for number in range(features))
    return replace(check, status=status, features=named)


def draw(check: DriftCheck) -> Figure:
    return chart.draw(check, service="shop")


def rows(figure: Figure) -> list[int]:
    """How many panels stand in each row, from the top."""
    tops = [round(axes.get_position().y1, 4) for axes in figure.axes]
    return [tops.count(top) for top in sorted(set(tops), reverse=True)]


def live_tones(figure: Figure) -> set[str]:
    bars = [container for axes in figure.axes for container in axes.containers if container.get_label() == "live"]
    return {to_hex(bar.get_facecolor()) for container in bars for bar in container}


@pytest.mark.parametrize("features", [1, 2, 3, 4, 8, 9, 12])
def test_drift_chart__panels_fill_the_frame(features: int) -> None:
    figure = draw(a_check(features))
    places = [axes.get_position() for axes in figure.axes]
    assert min(place.x0 for place in places) * PAGE == pytest.approx(chart.EDGE)
    assert max(place.x1 for place in places) * PAGE == pytest.approx(PAGE - chart.EDGE)
    assert all(place.y0 >= 0 for place in places)


def test_drift_chart__a_few_panels_are_larger() -> None:
    heights = [draw(a_check(features)).axes[0].bbox.height for features in (1, 2, 4)]
    assert heights == sorted(heights, reverse=True)
    assert len(set(heights)) == 3


@pytest.mark.parametrize(
    ("features", "expected"), [(1, [1]), (5, [3, 2]), (6, [3, 3]), (7, [4, 3]), (9, [3, 3, 3]), (20, [4, 4, 4])]
)
def test_drift_chart__rows_are_filled_evenly(features: int, expected: list[int]) -> None:
    assert rows(draw(a_check(features))) == expected


def test_drift_chart__is_red_where_the_model_drifts_and_amber_after_one_check_over_the_threshold() -> None:
    assert live_tones(draw(a_check(2))) == {palette.BAD.light}
    assert live_tones(draw(a_check(2, DriftStatus.OVER))) == {palette.WAIT.light}
    assert live_tones(draw(a_check(2, DriftStatus.OK, over=False))) == {palette.TEXT.light}


def test_drift_chart__names_lose_what_they_share_only_where_they_do_not_fit() -> None:
    kinds = ("age", "basket", "tenure", "subscription_plan")
    named = {f"acme_catalog.production.customer_{kind}": kind for kind in kinds}
    long = a_check(len(named))
    features = tuple(replace(item, name=name) for item, name in zip(long.features, named, strict=True))
    names = [axes.texts[0].get_text() for axes in draw(replace(long, features=features)).axes]
    assert all(name.startswith("…") for name in names)
    assert sorted(kind for kind in kinds if any(name.endswith(kind) for name in names)) == sorted(kinds)
    alone = draw(replace(long, features=features[:1])).axes[0].texts[0].get_text()
    assert alone == "acme_catalog.production.customer_age"
