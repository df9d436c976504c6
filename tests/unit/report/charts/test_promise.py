"""The promise chart, read back from the figure's artists, the pixels and the bytes."""

from __future__ import annotations

import hashlib
import io
import itertools
import os
import random
import re
import subprocess
import sys
import time
import warnings
import xml.etree.ElementTree as ET
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.lines import Line2D
from matplotlib.markers import CARETLEFTBASE, CARETRIGHTBASE
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from PIL import Image

from flowjoy.analysis.flow.weeks import window_of
from flowjoy.domain import Obligation, Status
from flowjoy.report import palette
from flowjoy.report.charts import promise, promise_lane, style
from flowjoy.report.charts import promise_layout as lanes
from flowjoy.report.charts.labels import cut, shared_prefixes
from flowjoy.report.charts.promise_lane import AFTER, version_label
from flowjoy.report.charts.promise_layout import Ship
from tests.builders import MODEL, an_obligation, at
from tests.unit.report.colour_vision import lab

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

SVG = "{http://www.w3.org/2000/svg}"
NOW = at(20 * 24)  # a Sunday: three weeks, of which the first began nine hours before T0
PALE = AFTER["met"]
DRAWN = [status for status in Status if status not in (Status.NOT_REQUIRED, Status.UNDECLARED)]
MISSED = (Status.LATE, Status.BREACHED)
Box = tuple[float, float, float, float]


def owed(hours: float = 0, status: Status = Status.MET, model: str = MODEL, *, ship: float | None = None) -> Obligation:
    """Return the obligation of `model` for a deploy `hours` after T0, shipped at the hour `ship`."""
    shipped = None if ship is None else at(ship)
    return an_obligation(hours, status=status, model=model, shipped_at=shipped, closed_at=shipped)


def a_ship(hours: float, version: str | None = "12", model: str = MODEL, *, since: float | None = None) -> Ship:
    return Ship(model=model, version=version, at=at(hours), not_before=None if since is None else at(since))


def draw(
    obligations: Sequence[Obligation],
    ships: Sequence[Ship] = (),
    *,
    as_of: datetime = NOW,
    weeks: int = 3,
    timezone: str = "UTC",
    service: str = "shop",
    sla_hours: float = 48,
    why_empty: str | None = None,
) -> Figure:
    window = window_of(as_of, weeks=weeks, timezone=timezone)
    options: dict[str, Any] = {"service": service, "sla_hours": sla_hours, "why_empty": why_empty}
    return promise.draw(obligations, ships, window=window, **options)


def a_mix(count: int, *, weeks: int = 12, models: Sequence[str] = (MODEL, "ranker", "search")) -> dict[str, Any]:
    """Obligations of every status, spread over `weeks`, with a ship for each that has one."""
    dice, last = random.Random(count), weeks * 168 - 40  # noqa: S311  (a fixed spread)
    items = []
    for index in range(count):
        hours, status = index * last / count, DRAWN[index % len(DRAWN)]
        lag = {Status.MET: dice.uniform(1, 47), Status.LATE: dice.uniform(49, 120)}.get(status)
        shipped = hours + lag if lag is not None and hours + lag < last else None
        items.append(owed(hours, status, models[index % len(models)], ship=shipped))
    ships = [
        Ship(
            model=item.model,
            version=str(index),
            at=item.shipped_at,
            not_before=item.shipped_at - timedelta(hours=9) if index % 4 == 0 else None,
        )
        for index, item in enumerate(items)
        if item.shipped_at is not None
    ]
    return {"obligations": items, "ships": ships, "as_of": at(last), "weeks": weeks}


def boxes(figure: Figure, name: str) -> list[Box]:
    """Begin and end (hours after T0), top and bottom (points) of the bars of one look, from the left.

    Without a ship, a kept promise is pale from its begin.
    """
    result = []
    for bars in figure.axes[0].collections:
        if isinstance(bars, PolyCollection) and bars.get_label() == name:
            for path in bars.get_paths():
                corners = np.asarray(path.vertices, dtype=float)
                (left, top), (right, low) = corners.min(axis=0), corners.max(axis=0)
                begin = origin(figure)
                result.append((24 * left + begin, 24 * right + begin, float(top), float(low)))
    return sorted(result)


def origin(figure: Figure) -> float:
    """The hours after T0 at which the part in detail begins."""
    return -9.0 + 168 * (figure.axes[1].get_xlim()[1] if len(figure.axes) > 1 else 0)


def spans(figure: Figure, name: str) -> list[Any]:
    """Begin and end of the bars of one look, in hours after T0, to be compared but for the gap to a neighbour."""
    axes = figure.axes[0]
    gap = 1.01 * 24 * lanes.GAP * axes.get_xlim()[1] * style.DPI / 72 / axes.bbox.width
    return [pytest.approx(box[:2], abs=gap) for box in boxes(figure, name)]


def styles(figure: Figure) -> set[str]:
    return {str(bars.get_label()) for bars in figure.axes[0].collections if isinstance(bars, PolyCollection)}


def lines(figure: Figure, marker: Any) -> list[tuple[float, float]]:
    """The places of one mark: hours after T0, and points."""
    drawn = [line for line in figure.axes[0].lines if isinstance(line, Line2D) and line.get_marker() == marker]
    return [(24 * x - 9, y) for line in drawn for x, y in np.asarray(line.get_xydata(), dtype=float)]


def named(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def texts(figure: Figure) -> list[Text]:
    return [text for text in figure.findobj(Text) if isinstance(text, Text) and text.get_text()]


def written(figure: Figure) -> list[str]:
    return [text.get_text() for text in texts(figure)]


def names(figure: Figure) -> list[Text]:
    """The lanes' names, from the top."""
    bold = [text for text in figure.axes[0].texts if text.get_fontweight() == "bold" and text.get_text() != "now"]
    return sorted(bold, key=lambda text: text.get_position()[1])


def numbers(figure: Figure) -> list[Text]:
    """The labels of ships."""
    return [text for text in figure.axes[0].texts if re.match(r"v|\d+ ships?$", text.get_text())]


def dates(figure: Figure) -> dict[str, float]:
    axes = figure.axes[0]
    return {tick.get_text(): float(x) for x, tick in zip(axes.get_xticks(), axes.get_xticklabels(), strict=True)}


def picture(figure: Figure) -> Image.Image:
    return Image.open(io.BytesIO(style.to_png(figure))).convert("RGB")


def svg(figure: Figure) -> ET.Element:
    return ET.fromstring(style.to_svg(figure))  # noqa: S314  (our own bytes)


def run(program: str, **environment: str) -> str:
    """Return the output of a fresh interpreter."""
    expected = {**os.environ, **environment}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=expected)
    return done.stdout.strip()


def digest(figure: Figure) -> str:
    return hashlib.sha256(style.to_png(figure) + style.to_svg(figure)).hexdigest()


def test_promise_chart__a_bar_goes_from_the_release_to_its_deadline() -> None:
    figure = draw([owed(10), owed(100)])
    assert spans(figure, PALE) == [(10, 58), (100, 148)]


def test_promise_chart__a_kept_promise_is_solid_until_its_ship_and_pale_for_the_rest_of_the_window() -> None:
    figure = draw([owed(10, ship=30)], [a_ship(30)])
    assert spans(figure, "met") == [(10, 30)]
    assert spans(figure, PALE) == [(30, 58)]
    assert boxes(figure, "met")[0][1] == pytest.approx(30) == boxes(figure, PALE)[0][0]
    assert lines(figure, "D")[0][0] == pytest.approx(30)
    assert named(figure) == ["met", "rest of the window", "ship"]


def test_promise_chart__a_clock_that_runs_is_solid_until_now_and_pale_until_its_deadline() -> None:
    figure = draw([owed(460, Status.PENDING)])
    assert spans(figure, "running") == [(460, 480)]
    assert spans(figure, AFTER["running"]) == [(480, 508)]


def test_promise_chart__neighbours_in_a_row_have_a_gap() -> None:
    figure = draw([owed(n * 48, ship=n * 48 + 20) for n in range(4)])
    starts, ends = [box[0] for box in boxes(figure, "met")], [box[1] for box in boxes(figure, PALE)]
    assert len({box[2] for box in boxes(figure, "met")}) == 1
    pixels = figure.axes[0].transData.transform(
        [(x / 24, 0) for pair in zip(ends, starts[1:], strict=False) for x in pair]
    )
    gaps = np.diff(pixels[:, 0].reshape(-1, 2)) * 72 / style.DPI
    assert gaps == pytest.approx(lanes.GAP)


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (Status.MET, "met"),
        (Status.PENDING, "running"),
        (Status.AT_RISK, "running"),
        (Status.LATE, "late"),
        (Status.BREACHED, "breached"),
        (Status.WAIVED, "waived"),
        (Status.CANCELLED, "cancelled"),
        (Status.UNDETERMINED, "not judged"),
        (Status.UNKNOWN, "not judged"),
    ],
)
def test_promise_chart__each_status_has_a_look_of_its_own_and_is_named(status: Status, name: str) -> None:
    runs = status in (Status.PENDING, Status.AT_RISK)
    figure = draw([owed(460 if runs else 10, status, ship=40 if status is Status.MET else None)])
    assert spans(figure, name) == [(460, 480) if runs else (10, 40) if status is Status.MET else (10, 58)]
    assert styles(figure) == {name, AFTER.get(name, name)}
    more = ["rest of the window"] * (runs or status is Status.MET) + ["past the deadline"] * (status in MISSED)
    assert named(figure) == [name, *more]
    assert f"1 {name}" in figure.texts[1].get_text()


def test_promise_chart__every_status_but_those_that_owe_nothing_has_a_look() -> None:
    assert set(lanes.KINDS) == set(DRAWN)
    assert {lanes.KINDS[status] for status in DRAWN} <= set(promise_lane.STYLES)


def test_promise_chart__styles_differ_in_more_than_colour() -> None:
    # The second part of a window says how it ended: pale, dashed or hatched. All else differs by hatch or outline.
    cues = {name: (look.get("hatch"), str(look.get("linestyle"))) for name, look in promise_lane.STYLES.items()}
    solid = {name for name, cue in cues.items() if cue == (None, "None")}
    assert solid == {"met", PALE, "running", "late", "breached"}
    assert len({cue for name, cue in cues.items() if name not in solid}) == len(cues) - len(solid)
    grey = {name: lab(str(promise_lane.STYLES[name]["facecolor"]), "normal")[0] for name in solid}
    assert grey["met"] > grey["breached"] + 20
    assert grey[PALE] > grey["met"] + 20


@pytest.mark.parametrize("status", [Status.NOT_REQUIRED, Status.UNDECLARED])
def test_promise_chart__what_nobody_owes_is_not_drawn(status: Status) -> None:
    assert spans(draw([owed(10), owed(20, status)]), PALE) == [(10, 58)]
    assert "No release in 3 weeks has an obligation" in written(draw([owed(20, status)], [a_ship(30)]))


def test_promise_chart__late_overrun_is_drawn_to_the_ship() -> None:
    figure = draw([owed(10, Status.LATE, ship=100)], [a_ship(100)])
    assert spans(figure, "late") == [(10, 58)]
    assert spans(figure, "late, over") == [(58, 100)]


def test_promise_chart__a_ship_minutes_late_is_still_seen_to_be_late() -> None:
    figure = draw([owed(10, Status.LATE, ship=58.1)], weeks=12)
    ((begin, end),) = [box[:2] for box in boxes(figure, "late, over")]
    pixels = figure.axes[0].transData.transform([(begin / 24, 0), (end / 24, 0)])[:, 0]
    assert pixels[1] - pixels[0] >= 4


def test_promise_chart__late_by_rollback_is_drawn_to_the_rollback() -> None:
    rolled_back = replace(owed(10, Status.LATE), closed_at=at(77))
    assert spans(draw([rolled_back]), "late, over") == [(58, 77)]


def test_promise_chart__a_breach_runs_on_until_now() -> None:
    figure = draw([owed(10, Status.BREACHED)])
    assert spans(figure, "breached") == [(10, 58)]
    assert spans(figure, "breached, over") == [(58, 480)]


def test_promise_chart__overlapping_windows_never_share_a_row() -> None:
    mix = a_mix(120, weeks=4)
    figure = draw(**mix)
    result = [box for name in promise_lane.STYLES for box in boxes(figure, name)]
    assert len(result) >= 120
    for (begin, end, top, low), (other, until, upper, lower) in itertools.combinations(result, 2):
        assert end <= other + 1e-6 or until <= begin + 1e-6 or low <= upper or lower <= top


@pytest.mark.parametrize(("every", "rows"), [(48, 1), (47, 2), (24, 2), (16, 3), (8, 6), (4, 12)])
def test_promise_chart__windows_take_as_few_rows_as_they_can(every: int, rows: int) -> None:
    figure = draw([owed(n * every) for n in range(24)])
    assert len({round(top, 3) for _, _, top, _ in boxes(figure, PALE)}) == rows


def test_promise_chart__more_than_six_rows_are_thinner_and_the_lane_no_taller() -> None:
    six, twelve = draw([owed(n * 8) for n in range(24)]), draw([owed(n * 4) for n in range(24)])
    assert six.get_size_inches()[1] == twelve.get_size_inches()[1]
    (_, _, top, low), (_, _, upper, lower) = boxes(six, PALE)[0], boxes(twelve, PALE)[0]
    assert lower - upper == pytest.approx((low - top) / 2)


def test_promise_chart__lanes_with_the_worst_counts_come_first() -> None:
    figure = draw(
        [
            *(owed(n * 50, Status.LATE, "two late", ship=n * 50 + 60) for n in range(2)),
            owed(0, Status.BREACHED, "broken"),
            owed(460, Status.PENDING, "running"),
            owed(0, model="calm b"),
            owed(0, model="calm a"),
            owed(0, Status.LATE, "one late", ship=60),
        ]
    )
    order = ["broken", "two late", "one late", "running", "calm a", "calm b"]
    assert [name.get_text() for name in names(figure)] == order
    (_, _, broken, _), (_, _, calm, _) = boxes(figure, "breached")[0], boxes(figure, PALE)[0]
    assert broken < calm


def test_promise_chart__twelve_lanes_are_drawn_and_the_rest_is_counted() -> None:
    items = [owed(0, Status.BREACHED if n < 2 else Status.MET, f"model {n:02}") for n in range(15)]
    figure = draw(items)
    assert [name.get_text() for name in names(figure)] == [f"model {n:02}" for n in range(12)]
    assert "and 3 more models: 3 met · 0 late · 0 running · 0 breached · 0 ships" in written(figure)
    assert figure.texts[1].get_text() == "13 met · 0 late · 0 running · 2 breached"
    assert not [text for text in written(draw(items[:12])) if "more model" in text]


def test_promise_chart__each_lane_says_its_worst_two_counts() -> None:
    items = [owed(n * 50, status) for n, status in enumerate([Status.MET, Status.BREACHED, Status.LATE, Status.WAIVED])]
    assert "1 breached · 1 late" in written(draw(items))
    assert "1 met" in written(draw(items[:1]))


def test_promise_chart__what_began_before_the_window_is_cut_with_a_mark() -> None:
    figure = draw([owed(-30), owed(100)])
    assert spans(figure, PALE)[0] == (-9, 18)
    ((x, y),) = lines(figure, CARETLEFTBASE)
    assert x == pytest.approx(-9)
    assert boxes(figure, PALE)[0][2] < y < boxes(figure, PALE)[0][3]
    assert lines(figure, CARETRIGHTBASE) == []


def test_promise_chart__an_old_breach_is_only_its_overrun() -> None:
    figure = draw([owed(-500, Status.BREACHED)])
    assert "breached" not in styles(figure)
    assert spans(figure, "breached, over") == [(-9, 480)]


def test_promise_chart__what_ended_before_the_window_is_neither_drawn_nor_counted() -> None:
    figure = draw([owed(-500), owed(-500, Status.LATE, ship=-100), owed(100)])
    assert spans(figure, PALE) == [(100, 148)]
    assert figure.texts[1].get_text() == "1 met · 0 late · 0 running · 0 breached"


def test_promise_chart__a_clock_far_beyond_the_window_is_cut_with_a_mark() -> None:
    figure = draw([replace(owed(400, Status.PENDING), deadline=at(9000))], sla_hours=8600)
    ((_, end),), ((x, _),) = [box[:2] for box in boxes(figure, AFTER["running"])], lines(figure, CARETRIGHTBASE)
    assert x == pytest.approx(end, rel=0.01)
    assert end < 1.01 * (480 + 0.5 * 489) + 9


def test_promise_chart__time_reaches_to_the_last_deadline_and_a_line_says_now() -> None:
    figure = draw([owed(470, Status.PENDING)])
    axes = figure.axes[0]
    assert 518 < 24 * axes.get_xlim()[1] - 9 < 518 * 1.02
    (line,) = (line for line in axes.lines if line.get_marker() == "None")
    assert list(24 * np.asarray(line.get_xdata(), dtype=float) - 9) == pytest.approx([480, 480])
    assert "now" in written(figure)


def test_promise_chart__a_short_clock_in_two_years_is_still_seen() -> None:
    brief = replace(owed(9000, Status.BREACHED), start=at(17000), deadline=at(17000.01), status=Status.MET)
    figure = draw([brief], as_of=at(103 * 168), weeks=104)
    ((left, right, _, _),) = boxes(figure, PALE)
    pixels = figure.axes[0].transData.transform([(left / 24, 0), (right / 24, 0)])[:, 0]
    assert pixels[1] - pixels[0] >= 4


def test_promise_chart__ships_lie_on_their_own_lane_at_their_instant() -> None:
    items = [owed(0, Status.BREACHED, "a"), owed(0, model="b")]
    figure = draw(items, [a_ship(20, model="b"), a_ship(30, model="a"), a_ship(40, model="nobody owes me")])
    (x, y), (other, below) = sorted(lines(figure, "D"))[::-1]
    assert (x, other) == pytest.approx((30, 20))
    assert boxes(figure, "breached")[0][3] < y < boxes(figure, PALE)[0][2]
    assert boxes(figure, PALE)[0][3] < below < figure.axes[0].get_ylim()[0]


def test_promise_chart__an_observed_ship_is_a_span_with_its_mark_at_the_end() -> None:
    figure = draw([owed(0)], [a_ship(40, since=28), a_ship(90)])
    (seen,) = (line for line in figure.axes[0].collections if line.get_label() == "seen")
    assert isinstance(seen, LineCollection)
    ((begin, end),) = (24 * segment[:, 0] - 9 for segment in seen.get_segments())
    assert (begin, end) == pytest.approx((28, 40))
    assert sorted(x for x, _ in lines(figure, "D")) == pytest.approx([40, 90])
    assert named(figure)[-2:] == ["ship", "ship, within this range"]
    assert named(draw([owed(0)], [a_ship(90)]))[-1] == "ship"


def test_promise_chart__ships_outside_the_window_are_not_drawn() -> None:
    assert lines(draw([owed(0)], [a_ship(-10), a_ship(9999)]), "D") == []


def test_promise_chart__ships_are_named_and_neighbours_share_a_label() -> None:
    figure = draw([owed(0)], [a_ship(20, "11"), a_ship(22, "12"), a_ship(200, "13"), a_ship(350, None)])
    assert [text.get_text() for text in numbers(figure)] == ["v11–12", "v13"]  # noqa: RUF001


@pytest.mark.parametrize(
    ("versions", "text"),
    [
        (["12"], "v12"),
        (["12", "13", "14"], "v12–14"),  # noqa: RUF001
        (["12", "14"], "v14 +1"),
        (["14", "13"], "v13 +1"),
        (["1.2", "1.3"], "v1.3 +1"),
        (["007", "008"], "v007–008"),  # noqa: RUF001
        (["²", "³"], "v³ +1"),
        (["12", None], "2 ships"),
        ([None], ""),
        (["recommender-2024-06-03"], "vrecomme…"),
    ],
)
def test_version_label__names_or_counts_every_ship(versions: list[str | None], text: str) -> None:
    assert version_label([a_ship(n, version) for n, version in enumerate(versions)]) == text


@pytest.mark.parametrize(("count", "weeks"), [(9, 1), (45, 4), (120, 12), (400, 12), (400, 52)])
def test_promise_chart__every_ship_is_named_or_counted(count: int, weeks: int) -> None:
    mix = a_mix(count, weeks=weeks)
    figure = draw(**mix)
    counted = 0
    for text in (text.get_text() for axes in figure.axes for text in axes.texts):
        if match := re.fullmatch(r"v(\d+)–(\d+)", text):  # noqa: RUF001
            counted += int(match[2]) - int(match[1]) + 1
        elif match := re.fullmatch(r"v\d+(?: \+(\d+))?", text):
            counted += 1 + int(match[1] or 0)
        elif match := re.fullmatch(r"(\d+) ships?", text):
            counted += int(match[1])
    assert counted == len(mix["ships"])


def test_promise_chart__a_lane_has_no_line_beyond_itself_but_now_and_the_mondays() -> None:
    figure = draw([owed(0, model="a"), owed(0, model="b")], [a_ship(20, model="a"), a_ship(30, since=22, model="b")])
    middle = figure.axes[0].get_ylim()[0] / 2
    for drawn in figure.axes[0].collections:
        for path in drawn.get_paths():
            heights = np.asarray(path.vertices, dtype=float)[:, 1]
            assert heights.max() <= middle + 1e-6 or heights.min() >= middle - 1e-6
    assert [line for line in figure.axes[0].lines if line.get_linestyle() != "None"] == [
        line
        for line in figure.axes[0].lines
        if len(set(np.asarray(line.get_xdata(), dtype=float))) == 1 and line.get_marker() == "None"
    ]


@pytest.mark.parametrize(("count", "weeks"), [(9, 1), (45, 1), (45, 4), (45, 12), (120, 12), (120, 52), (400, 52)])
def test_promise_chart__no_number_covers_another_or_a_ship_or_now_or_leaves_the_page(count: int, weeks: int) -> None:
    mix = a_mix(count, weeks=weeks)
    figure = draw(**mix)
    figure.draw_without_rendering()
    axes, result = figure.axes[0], [text.get_window_extent() for text in numbers(figure)]
    assert result
    signs = [axes.transData.transform(((x + 9) / 24, y)) for x, y in lines(figure, "D")]
    (line,) = (line for line in axes.lines if line.get_marker() == "None")
    now = axes.transData.transform((np.asarray(line.get_xdata(), dtype=float)[0], 0))[0]
    looked = [line for line in axes.collections if isinstance(line, LineCollection) and line.get_label() == "seen"]
    ends = [axes.transData.transform(segment) for line in looked for segment in line.get_segments()]
    assert not any(one.overlaps(other) for one, other in itertools.combinations(result, 2))
    assert not any(box.overlaps(Bbox(segment).padded(1)) for box in result for segment in ends)
    assert not any(box.overlaps(Bbox.from_extents(x - 4, y - 4, x + 4, y + 4)) for box in result for x, y in signs)
    assert all(not box.x0 < now < box.x1 and 0 <= box.x0 < box.x1 <= figure.bbox.x1 for box in result)


def test_promise_chart__subtitle_counts_what_is_drawn_and_names_the_rest_only_where_it_is() -> None:
    assert draw([owed()]).texts[1].get_text() == "1 met · 0 late · 0 running · 0 breached"
    items = [owed(n * 40, status) for n, status in enumerate(DRAWN)]
    expected = "1 met · 1 late · 2 running · 1 breached · 1 waived · 1 cancelled · 2 not judged"
    assert draw(items).texts[1].get_text() == expected


@pytest.mark.matrix
@pytest.mark.parametrize("kinds", range(1, len(DRAWN) + 1))
@pytest.mark.parametrize("ships", [[], [a_ship(30)], [a_ship(30), a_ship(40, since=33)]])
def test_promise_chart__legend_covers_nothing_and_stays_on_the_page(kinds: int, ships: list[Ship]) -> None:
    figure = draw([owed(n * 40, status) for n, status in enumerate(DRAWN[::-1][:kinds])], ships)
    figure.draw_without_rendering()
    box = figure.legends[0].get_window_extent()
    assert 0 <= box.x0 < box.x1 <= figure.bbox.x1
    assert not box.overlaps(figure.axes[0].bbox)
    assert not any(box.overlaps(text.get_window_extent()) for text in (*figure.texts, *figure.axes[0].texts))


@pytest.mark.parametrize("weeks", [1, 2, 5, 12, 13, 52, 103, 104])
def test_promise_chart__mondays_never_overlap_and_stay_on_the_page(weeks: int) -> None:
    figure = draw(**a_mix(40, weeks=weeks))
    figure.draw_without_rendering()
    axes = figure.axes[0]
    labels = [label.get_window_extent() for part in figure.axes[::-1] for label in part.get_xticklabels()]
    assert len(labels) >= min(weeks, 6)
    assert not any(one.overlaps(other) for one, other in itertools.pairwise(labels))
    assert all(0 <= box.x0 < box.x1 <= figure.bbox.x1 for box in labels)
    assert axes.xaxis.label.get_window_extent().y0 >= 0
    assert axes.get_xlim()[1] - axes.get_xticks()[-1] < 7.01  # the newest is named


def test_promise_chart__mondays_are_those_of_the_time_zone_also_when_clocks_change() -> None:
    as_of = datetime(2024, 3, 20, 12, tzinfo=UTC)
    figure = draw([replace(owed(), start=as_of, deadline=as_of)], as_of=as_of, timezone="America/New_York")
    assert list(dates(figure)) == ["Mar 04", "Mar 11", "Mar 18"]
    assert list(dates(figure).values()) == pytest.approx([0, 7 - 1 / 24, 14 - 1 / 24])
    assert figure.axes[0].get_xlabel() == "Mondays of 2024 (America/New_York)"


def test_promise_chart__years_stand_where_they_change() -> None:
    figure = draw([owed()], as_of=datetime(2025, 1, 8, tzinfo=UTC), weeks=4)
    assert list(dates(figure)) == ["Dec 16\n2024", "Dec 23", "Dec 30", "Jan 06\n2025"]
    assert figure.axes[0].get_xlabel() == "Mondays (UTC)"


@pytest.mark.parametrize(("weeks", "reason"), [(1, "1 week"), (12, "12 weeks")])
def test_promise_chart__nothing_owed_is_a_frame_that_says_so(weeks: int, reason: str) -> None:
    figure = draw([], [a_ship(5)], weeks=weeks)
    assert f"No release in {reason} has an obligation" in written(figure)
    assert figure.texts[1].get_text() == "No obligations"
    unread = draw([], [], weeks=weeks, why_empty="Unknown: code could not be read")
    assert "Unknown: code could not be read" in written(unread)
    assert "No obligations" not in written(unread)
    assert (styles(figure), figure.legends, lines(figure, "D")) == (set(), [], [])
    assert dates(figure)
    assert picture(figure).size == (1600, 600)


@pytest.mark.parametrize("name", [r"$\frac{$", "$x^2$", "<script>", "</svg>", "a_b^c {0} %s", "]]>", "--><!--"])
def test_promise_chart__markup_in_names_is_drawn_literally(name: str) -> None:
    figure = draw([owed(model=name)], [a_ship(20, name, name)], service=name)
    assert [text.get_text() for text in texts(figure) if text.get_parse_math()] == []
    assert style.to_png(figure)
    shown = [node.text for node in svg(figure).iter(f"{SVG}text")]
    assert {name, f"v{name if len(name) <= 8 else name[:7] + '…'}"} <= set(shown)
    assert svg(figure).findtext(f"{SVG}title") == f"{name}: the 48 h promise, model by model"
    assert not list(svg(figure).iter(f"{SVG}script"))


@pytest.mark.parametrize(
    "name", ["x" * 300, "W" * 300, "推荐系统🚀" * 60, "\u202e\u05d0\u05d1\u05d2 " * 75, "e\u0301\u0302" * 100, "i" * 45]
)
def test_promise_chart__long_names_are_cut_and_stay_next_to_their_lane(name: str) -> None:
    figure = draw([owed(model=name), owed(model="other")], [a_ship(20, name, name)])
    (cut,) = (text for text in names(figure) if text.get_text() != "other")
    head, _, tail = cut.get_text().partition("…")
    assert head
    assert name.strip().replace("\u202e", "").endswith(tail[-3:])
    assert "…" in cut.get_text()
    assert cut.get_window_extent().x1 < figure.axes[0].bbox.x0 - 10


def test_promise_chart__long_names_lose_what_they_share_and_keep_what_tells_them_apart() -> None:
    models = [f"acme_catalog.production.recommendation_{kind}" for kind in ("ranker", "retriever")]
    shown = [name.get_text() for name in names(draw([owed(model=model) for model in models]))]
    assert shown == ["…ranker", "…retriever"]


def test_promise_chart__a_long_name_alone_keeps_both_ends() -> None:
    (name,) = names(draw([owed(model="acme_catalog.production.recommendation_ranker")]))
    assert re.fullmatch(r"acme.*….*ranker", name.get_text())


@pytest.mark.parametrize("code", [0x00, 0x07, 0x85, 0x202E, 0x2066, 0xD800, 0xE000, 0xFFFE])
def test_promise_chart__control_characters_are_removed_and_the_svg_still_opens(code: int) -> None:
    name = f"re{chr(code)}c"
    figure = draw([owed(model=name)], [a_ship(20, name, name)], service=name)
    assert not [text for text in written(figure) if chr(code) in text]
    assert style.to_png(figure)
    assert any("vre" in (node.text or "") for node in svg(figure).iter(f"{SVG}text"))


@pytest.mark.parametrize("name", ["推荐系统 🚀", "שירות המלצות", "ไทย", "e\u0301\u0302" * 9, ""])
def test_promise_chart__names_without_a_glyph_draw_without_a_warning(name: str) -> None:
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        figure = draw([owed(model=name)], [a_ship(20, name, name)], service=name)
        assert style.to_png(figure)
        assert style.to_svg(figure)
    assert heard == []
    assert [text.get_text() for text in names(figure)] == [name or "(no name)"]


def test_promise_chart__a_stub_that_cannot_be_read_is_a_named_lane() -> None:
    assert [name.get_text() for name in names(draw([owed(status=Status.UNKNOWN, model="*")]))] == ["unreadable stub"]


def _sums_of(items: Sequence[Obligation]) -> str:
    kinds = Counter(lanes.KINDS[item.status] for item in items)
    return " · ".join(f"{kinds[kind]} {kind}" for kind in (*lanes.COUNTED, *lanes.REST))


def cells(figure: Figure) -> dict[int, list[str]]:
    """The looks in each cell of the first lane, from below."""
    parts = []
    for drawn in figure.axes[1].collections:
        if isinstance(drawn, PolyCollection):
            for path in drawn.get_paths():
                corners = np.asarray(path.vertices, dtype=float)
                parts.append((int(corners[:, 0].min()), -float(corners[:, 1].max()), str(drawn.get_label())))
    return {week: [name for at, _, name in sorted(parts) if at == week] for week in {part[0] for part in parts}}


@pytest.mark.parametrize(("weeks", "earlier"), [(13, 0), (14, 10), (52, 48), (104, 100)])
def test_promise_chart__a_long_window_shows_its_last_four_weeks_and_one_cell_for_each_earlier_one(
    weeks: int, earlier: int
) -> None:
    last = weeks * 168 - 40
    figure = draw([owed(n * 168) for n in range(weeks)], as_of=at(last), weeks=weeks)
    assert len(figure.axes) == 1 + bool(earlier)
    assert figure.texts[1].get_text() == f"{weeks} met · 0 late · 0 running · 0 breached"
    assert len(boxes(figure, PALE)) == weeks - earlier
    if earlier:
        assert cells(figure) == {week: ["met"] for week in range(earlier)}
        assert figure.axes[1].bbox.x1 < figure.axes[0].bbox.x0
        week = 7 * figure.axes[0].bbox.width / figure.axes[0].get_xlim()[1]
        assert week > 2 * figure.axes[1].bbox.width / earlier


def test_promise_chart__a_cell_shows_a_share_of_each_result_the_worst_on_top_and_an_empty_week_as_such() -> None:
    items = [
        owed(0),
        owed(9, Status.LATE, ship=80),
        owed(20, Status.BREACHED),
        owed(30),
        *(owed(400 + n / 9) for n in range(80)),
        owed(410, Status.LATE, ship=480),
    ]
    figure = draw(items, as_of=at(20 * 168 - 40), weeks=20)
    assert [cells(figure)[week] for week in range(4)] == [
        ["met", "late", "breached"],
        ["no release"],
        ["met", "late"],
        ["no release"],
    ]
    # What is still broken is also a bar that comes in from the left, and is counted once.
    assert spans(figure, "breached, over") == [(16 * 168 - 9, 20 * 168 - 40)]
    assert len(lines(figure, CARETLEFTBASE)) == 1
    assert figure.texts[1].get_text() == "82 met · 2 late · 0 running · 1 breached"
    (late,) = (drawn for drawn in figure.axes[1].collections if drawn.get_label() == "late")
    assert all(np.ptp(np.asarray(path.vertices, dtype=float)[:, 1]) >= 2 for path in late.get_paths())


def test_promise_chart__what_began_before_the_window_is_in_its_first_cell_and_what_ended_before_in_none() -> None:
    figure = draw([owed(-30), owed(-300), owed(200)], as_of=at(20 * 168 - 40), weeks=20)
    assert cells(figure) == {week: ["met" if week < 2 else "no release"] for week in range(16)}
    assert figure.texts[1].get_text() == "2 met · 0 late · 0 running · 0 breached"


@pytest.mark.matrix
def test_promise_chart__a_year_of_500_is_drawn_completely_in_few_artists_and_little_time() -> None:
    mix = a_mix(500, weeks=52, models=("a", "b", "c", "d", "e"))
    began = time.process_time()
    figure = draw(**mix)
    assert picture(figure).width == 1600
    assert time.process_time() - began < 6
    assert figure.texts[1].get_text() == _sums_of(mix["obligations"])
    assert len({name.get_text() for name in names(figure)}) == 5
    assert sum(len(axes.collections) for axes in figure.axes) < 80


@pytest.mark.parametrize("status", MISSED)
def test_promise_chart__one_miss_among_hundreds_of_met_windows_lies_on_top(status: Status) -> None:
    met = [owed(100 + n / 10) for n in range(300)]
    figure = draw([*met, owed(110, status, ship=230 if status is Status.LATE else None)])
    assert any(text.endswith(" 301 at once") for text in written(figure))
    image, axes = picture(figure), figure.axes[0]
    x, low = axes.transData.transform(((135 + 9) / 24, axes.get_ylim()[0]))
    column = [
        image.getpixel((round(x), y)) for y in range(image.height - round(axes.bbox.y1), image.height - round(low))
    ]
    fills = ["#" + bytes(pixel).hex() for pixel in column if isinstance(pixel, tuple)]
    bar = promise_lane.STYLES[status.value]
    pale = palette.GOOD_PALE.light
    assert {bar["facecolor"], pale} <= set(fills)
    assert fills.index(bar["facecolor"]) < fills.index(pale)
    assert fills.count(bar["facecolor"]) >= 4


def test_promise_chart__every_look_can_lie_in_a_crowd_and_is_written_as_svg() -> None:
    items = [owed(100 + n / 10, DRAWN[n % len(DRAWN)], ship=240 if n % 2 else None) for n in range(300)]
    figure = draw([*items, *(owed(n) for n in range(-40, -10)), owed(450, Status.PENDING)])
    assert styles(figure) == set(promise_lane.STYLES)
    assert len(lines(figure, CARETLEFTBASE)) == 1
    assert svg(figure).findtext(f"{SVG}desc") == figure.texts[1].get_text()


def test_promise_chart__a_crowd_stays_within_its_lane() -> None:
    items = [owed(100 + n / 10, DRAWN[n % len(DRAWN)], model) for n in range(400) for model in ("a", "b")]
    figure = draw(items)
    result = sorted((top, low) for name in promise_lane.STYLES for _, _, top, low in boxes(figure, name))
    middle = figure.axes[0].get_ylim()[0] / 2
    assert result[0][0] >= lanes.PAD - 1e-6
    assert max(low for _, low in result) <= 2 * middle - lanes.RAIL + 1e-6
    assert not [low for top, low in result if top < middle - lanes.RAIL < low]


@pytest.mark.parametrize(("lanes", "each"), [(1, 1), (2, 1), (3, 30), (12, 30), (15, 200), (40, 3)])
def test_promise_chart__height_grows_with_the_lanes_within_bounds(lanes: int, each: int) -> None:
    figure = draw([owed(n * 5 % 400, model=f"model {lane}") for lane in range(lanes) for n in range(each)])
    image = picture(figure)
    assert image.width == 1600
    assert 400 <= image.height <= 1800
    shown = [text.get_window_extent() for text in names(figure)]
    assert not any(one.overlaps(other) for one, other in itertools.pairwise(shown))
    assert draw([owed()]).get_size_inches()[1] <= figure.get_size_inches()[1]


def test_promise_chart__svg_is_titled_and_described_and_carries_no_origin() -> None:
    figure = draw([owed(), owed(100, Status.BREACHED)], [a_ship(20)], sla_hours=36)
    root = svg(figure)
    assert root.get("role") == "img"
    assert root.findtext(f"{SVG}title") == "shop: the 36 h promise, model by model"
    assert root.findtext(f"{SVG}desc") == "1 met · 0 late · 0 running · 1 breached"
    assert {MODEL, "v12", "Jun 03", "met", "breached", "now"} <= {node.text for node in root.iter(f"{SVG}text")}
    assert b"dc:date" not in style.to_svg(figure)


@pytest.mark.matrix
def test_promise_chart__input_in_any_order_gives_the_same_bytes() -> None:
    mix = a_mix(90, weeks=6)
    mix["ships"] += [replace(ship, version=version) for ship in mix["ships"][:5] for version in (None, "", "z")]
    other = {**mix, "obligations": mix["obligations"][::-1], "ships": [*mix["ships"][::-1], *mix["ships"][:3]]}
    assert digest(draw(**mix)) == digest(draw(**other))


def test_promise_chart__two_ships_at_one_instant_are_numbered_in_a_fixed_order() -> None:
    models = [f"model {n}" for n in range(12)]
    ships = [a_ship(20, version, model) for model in models for version in ("12", "11")]
    shown = numbers(draw([owed(model=model) for model in models], ships))
    assert [text.get_text() for text in shown] == ["v11–12"] * 12  # noqa: RUF001


@pytest.mark.matrix
def test_promise_chart__same_bytes_in_another_process_zone_and_hash_seed_without_pyplot() -> None:
    program = (
        "import sys; from tests.unit.report.charts.test_promise import a_mix, digest, draw;"
        "print(digest(draw(**a_mix(90))), 'matplotlib.pyplot' in sys.modules)"
    )
    here = digest(draw(**a_mix(90)))
    assert run(program, PYTHONHASHSEED="1", TZ="Asia/Tokyo") == f"{here} False"


@pytest.mark.matrix
def test_promise_chart__settings_of_the_workspace_change_nothing() -> None:
    plain = digest(draw([owed()], [a_ship(20)]))
    hostile: dict[Any, Any] = {"text.usetex": True, "axes.facecolor": "red", "hatch.linewidth": 9, "svg.hashsalt": "x"}
    with mpl.rc_context(hostile):
        assert digest(draw([owed()], [a_ship(20)])) == plain


@pytest.mark.parametrize(("names", "shown"), [
    (["acme-recommender-eu-production", "acme-recommender-us-production"], ["…eu-production", "…us-production"]),
    (["acme-recommender-eu-production", "acme-recommender-us-production", "ranker"],
     ["…eu-production", "…us-production", "ranker"]),
    (["acme_catalog.recommendation_ranker", "acme_catalog.recommendation_retriever"], ["…ranker", "…retriever"]),
    (["acme.eu.recommender", "acme.us.recommender", "zeta.eu.ranker-large"],
     ["…eu.recommender", "…us.recommender", "zeta.…nker-large"]),
    (["acme.eu.shop.ranker", "acme.eu.shop.search", "acme.us.shop.ranker", "acme.us.shop.search"],
     ["…eu.shop.ranker", "…eu.shop.search", "…us.shop.ranker", "…us.shop.search"]),
    (["customer_feature_0", "customer_feature_1"], ["…feature_0", "…feature_1"]),
    (["recommender", "ranker"], ["recommender", "ranker"]),
    (["same-name-that-is-long"] * 2, ["same-…at-is-long"] * 2),
    ([], []),
])  # fmt: skip
def test_names__that_are_long_lose_what_they_share_unless_that_makes_them_equal(
    names: list[str], shown: list[str]
) -> None:
    assert [cut(name, 15, parts=3, shared=shared_prefixes(names).get(name, 0)) for name in names] == shown
