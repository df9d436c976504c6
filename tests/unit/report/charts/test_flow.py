"""The joint flow chart, read back from the figure, the pixels and the bytes."""

from __future__ import annotations

import hashlib
import io
import itertools
import math
import os
import subprocess
import sys
import warnings
import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.legend import Legend
from matplotlib.text import Annotation, Text
from PIL import Image

from flowjoy.domain import ModelGap, Week
from flowjoy.report import palette
from flowjoy.report.charts import flow as chart
from flowjoy.report.charts import style
from tests.unit.report.colour_vision import lab

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

MONDAY = date(2024, 6, 3)
SVG = "{http://www.w3.org/2000/svg}"


def a_week(
    at: int = 0,
    code: int = 0,
    model: int = 0,
    mttr: float | None = None,
    *,
    partial: bool = False,
    monday: date = MONDAY,
) -> Week:
    """The week `at` Mondays after `monday`; it diverges by the rule of SEMANTICS.md."""
    return Week(
        week=monday + timedelta(weeks=at),
        code_deploys=code,
        model_deploys=model,
        gap=code - model,
        incidents=0,
        resolved=0,
        mttr_hours=mttr,
        mttr_median_hours=mttr,
        mttr_p90_hours=mttr,
        partial=partial,
        diverges=not partial and code >= 1 and code - model > 0.5 * code,
    )


def weeks_of(count: int, monday: date = MONDAY) -> list[Week]:
    """`count` weeks of changing height, every seventh without MTTR, some diverging, the last one running."""
    return [
        a_week(
            n,
            code=3 + n * 7 % 11,
            model=n * 5 % 9,
            mttr=None if n % 7 == 3 else 0.3 + n * 3 % 8,
            partial=n == count - 1 and count > 1,
            monday=monday,
        )
        for n in range(count)
    ]


SEED = [a_week(0, 8, 5, 1.6), a_week(1, 9, 4, 2.0), a_week(2, 7, 6, 1.2)]
RUNNING = a_week(3, 2, 1, partial=True)


def draw(weeks: Sequence[Week], service: str = "recommender", **more: Any) -> Figure:
    return chart.draw(weeks, service=service, **more)


def stacks(figure: Figure) -> list[list[Rectangle]]:
    """CODE, MODEL and missing-model bars."""
    return [list(container) for container in figure.axes[0].containers]


def mttr(figure: Figure) -> list[float]:
    return [float(value) for value in np.asarray(figure.axes[1].lines[0].get_ydata(), dtype=float)]


def dates(figure: Figure) -> dict[float, str]:
    axes = figure.axes[0]
    return dict(zip(axes.get_xticks(), (tick.get_text() for tick in axes.get_xticklabels()), strict=True))


def legend(figure: Figure) -> Legend:
    (legend,) = figure.legends
    return legend


def named(figure: Figure) -> list[str]:
    return [text.get_text() for text in legend(figure).get_texts()]


def written(figure: Figure) -> list[str]:
    """Every text on the figure that is shown."""
    return [text.get_text() for text in figure.findobj(Text) if isinstance(text, Text) and text.get_text()]


def tick_values(axis: Axes) -> list[float]:
    return [float(value) for value in axis.get_yticks()]


def svg(figure: Figure) -> ET.Element:
    return ET.fromstring(style.to_svg(figure))  # noqa: S314  (our own bytes)


def pixels(figure: Figure) -> Image.Image:
    return Image.open(io.BytesIO(style.to_png(figure)))


def run(program: str, **environment: str) -> str:
    """Return the output of a fresh interpreter."""
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **environment},
        timeout=120,
    )
    return done.stdout.strip()


def test_chart__draws_one_bar_pair_a_week() -> None:
    code, models, _ = stacks(draw(SEED))
    assert [bar.get_height() for bar in code] == [8, 9, 7]
    assert [bar.get_height() for bar in models] == [5, 4, 6]


def test_chart__models_stand_on_code() -> None:
    code, models, _ = stacks(draw(SEED))
    assert [bar.get_y() for bar in models] == [bar.get_height() for bar in code]


@pytest.mark.parametrize("count", [1, 3, 12, 27, 52, 104])
def test_chart__dates_stand_under_the_centre_of_their_own_bar(count: int) -> None:
    weeks = weeks_of(count)
    figure = draw(weeks)
    code, models, _ = stacks(figure)
    for position, label in dates(figure).items():
        assert label.split("\n")[0] == weeks[int(position)].label
        for bar in (code[int(position)], models[int(position)]):
            assert bar.get_x() + bar.get_width() / 2 == pytest.approx(position)


def test_chart__mttr_points_stand_on_the_centre_of_their_bar() -> None:
    figure = draw(SEED)
    points = figure.axes[1].transData.transform(np.column_stack([range(3), mttr(figure)]))
    for bar, point in zip(stacks(figure)[0], points, strict=True):
        assert bar.get_window_extent().x0 + bar.get_window_extent().width / 2 == pytest.approx(point[0])


def test_chart__a_week_without_mttr_is_a_hole_in_the_line_never_a_zero() -> None:
    values = mttr(draw([a_week(0, 5, 5, 1.5), a_week(1, 5, 5), a_week(2, 5, 5, 2.5)]))
    assert values[0::2] == [1.5, 2.5]
    assert math.isnan(values[1])


def test_chart__a_lone_mttr_point_between_holes_is_painted() -> None:
    figure = draw([a_week(0, 5, 5), a_week(1, 5, 5, 2.0), a_week(2, 5, 5)])
    image = pixels(figure)
    x, y = figure.axes[1].transData.transform((1, 2.0))
    spot = (round(x), image.height - round(y))
    assert "#" + image.convert("RGB").crop((*spot, spot[0] + 1, spot[1] + 1)).tobytes().hex() == palette.TEXT.light


def test_chart__a_zero_mttr_is_a_point_on_the_ground() -> None:
    figure = draw([a_week(0, 5, 5, 0.0)])
    assert mttr(figure) == [0.0]
    assert tick_values(figure.axes[1])[0] == 0


def test_chart__without_a_resolved_incident_says_so_and_has_no_second_axis() -> None:
    figure = draw([a_week(0, 5, 5), a_week(1, 4, 4)])
    assert figure.texts[1].get_text().endswith(" · no resolved incident")
    assert named(figure) == ["CODE deploys", "MODEL ships"]
    bars, hours = figure.axes
    assert (tick_values(hours), hours.get_ylabel()) == ([], "")
    assert not bars.spines["right"].get_visible()
    assert not any(spine.get_visible() for name, spine in hours.spines.items() if name in ("left", "right"))


@pytest.mark.parametrize("top", [1, 2, 3, 7, 18, 99, 100, 4321])
def test_chart__both_axes_begin_at_zero_and_deploys_are_counted_in_integers(top: int) -> None:
    figure = draw([a_week(0, top, 0, top / 7)])
    deploys, hours = (tick_values(axes) for axes in figure.axes)
    assert deploys[0] == hours[0] == 0
    assert all(value == int(value) for value in deploys)
    assert len(deploys) == len(hours) >= 4
    assert deploys[-1] >= 2 * top
    assert hours[-1] >= top / 7


def test_chart__both_scales_share_one_grid() -> None:
    left, right = (axes.transData.transform([(0, tick) for tick in axes.get_yticks()]) for axes in draw(SEED).axes)
    assert left[:, 1] == pytest.approx(right[:, 1])


def test_chart__legend_names_all_three() -> None:
    assert named(draw(SEED))[:3] == ["CODE deploys", "MODEL ships", "Unified MTTR"]


def test_chart__legend_names_the_running_week_and_missing_models_only_where_there_are() -> None:
    assert named(draw([a_week(0, 4, 4, 1.0)])) == ["CODE deploys", "MODEL ships", "Unified MTTR"]
    assert named(draw([*SEED, RUNNING]))[3:] == ["Models missing", "Running week"]


@pytest.mark.parametrize("count", [1, 4, 104])
def test_chart__legend_covers_nothing_and_stays_on_the_page(count: int) -> None:
    figure = draw(weeks_of(count))
    style.to_png(figure)
    box = legend(figure).get_window_extent()
    assert not box.overlaps(figure.axes[0].bbox)
    assert box.x0 >= 0
    assert box.x1 <= figure.bbox.x1
    assert not any(box.overlaps(text.get_window_extent()) for text in figure.texts)


@pytest.mark.matrix
@pytest.mark.parametrize("count", [1, 2, 5, 11, 12, 13, 14, 26, 52, 53, 103, 104])
@pytest.mark.parametrize("monday", [MONDAY, date(2023, 11, 6)])
def test_chart__dates_never_overlap_and_stay_on_the_page(count: int, monday: date) -> None:
    figure = draw(weeks_of(count, monday))
    style.to_png(figure)
    boxes = [label.get_window_extent() for label in figure.axes[0].get_xticklabels()]
    assert not any(one.overlaps(other) for one, other in itertools.pairwise(boxes))
    assert len(boxes) >= min(count, 7)
    assert boxes[-1].x1 <= figure.bbox.x1
    assert figure.axes[0].xaxis.label.get_window_extent().y0 >= 0


@pytest.mark.parametrize("count", [1, 2, 13, 14, 27, 53, 104])
def test_chart__the_newest_week_is_always_named(count: int) -> None:
    weeks = weeks_of(count)
    assert dates(draw(weeks))[count - 1].startswith(weeks[-1].label)


def test_chart__twelve_weeks_are_all_named() -> None:
    assert list(dates(draw(weeks_of(12)))) == list(range(12))


def test_chart__the_year_stands_at_the_dates_only_when_the_window_crosses_years() -> None:
    inside = draw(weeks_of(4))
    assert list(dates(inside).values()) == ["Jun 03", "Jun 10", "Jun 17", "Jun 24"]
    assert inside.axes[0].get_xlabel() == "Weeks of 2024, from Monday (UTC)"
    across = draw(weeks_of(4, date(2024, 12, 16)))
    assert list(dates(across).values()) == ["Dec 16\n2024", "Dec 23", "Dec 30", "Jan 06\n2025"]


def test_chart__a_diverging_week_shows_its_missing_models_as_a_box_and_a_label() -> None:
    figure = draw(SEED)
    (box,) = stacks(figure)[2]
    assert box.get_x() + box.get_width() / 2 == pytest.approx(1)
    assert (box.get_y(), box.get_height()) == (13, 5)
    assert to_hex(box.get_edgecolor()) == palette.WAIT.light
    assert [text for text in written(figure) if "−" in text] == ["−5 models"]  # noqa: RUF001


def test_chart__missing_models_stand_in_their_box_or_above_a_flat_one() -> None:
    for weeks, inside in (([a_week(0, 9, 4)], True), ([a_week(0, 200, 200), a_week(1, 9, 4)], False)):
        figure = draw(weeks)
        (note,) = (text for text in figure.axes[1].texts if "model" in text.get_text())
        box, text = stacks(figure)[2][0].get_window_extent(), note.get_window_extent()
        assert bool(box.y0 < text.y0 < text.y1 < box.y1) == inside
        assert bool(text.y0 >= box.y1) != inside


def test_chart__one_missing_model_is_singular() -> None:
    assert "−1 model" in written(draw([a_week(0, 1, 0)]))  # noqa: RUF001


def test_chart__missing_models_are_numbers_where_text_does_not_fit() -> None:
    texts = written(draw([a_week(n, 9, 4 + n % 2 * 5) for n in range(12)]))
    assert "−5" in texts  # noqa: RUF001
    assert "−5 models" not in texts  # noqa: RUF001


def test_chart__a_crowd_names_only_its_widest_gap() -> None:
    weeks = [a_week(n, 9, 4) for n in range(60)]
    weeks[30] = weeks[12] = a_week(30, 9, 1)
    assert [text for text in written(draw(weeks)) if "−" in text] == ["−8 models"]  # noqa: RUF001


def test_chart__the_running_week_is_pale_in_a_named_band() -> None:
    figure = draw([*SEED, RUNNING])
    code, models, missing = stacks(figure)
    assert [to_hex(bar.get_facecolor()) for bar in code] == [palette.CODE.light] * 3 + [palette.CODE_PALE.light]
    assert [to_hex(bar.get_facecolor()) for bar in models] == [palette.MODEL.light] * 3 + [palette.MODEL_PALE.light]
    assert len(missing) == 1
    assert "running" in written(figure)
    assert "running" not in written(draw(SEED))


def test_chart__mttr_of_the_running_week_is_a_hollow_point_apart_from_the_line() -> None:
    line, hollow, _ = draw([*SEED, a_week(3, 2, 1, 0.7, partial=True)]).axes[1].lines
    points = [float(value) for value in np.asarray(hollow.get_ydata(), dtype=float)]
    assert [value for value in points if not math.isnan(value)] == [0.7]
    assert points[3] == 0.7
    assert (hollow.get_markerfacecolor(), hollow.get_linestyle()) == (palette.PAPER.light, "None")
    assert math.isnan(float(np.asarray(line.get_ydata(), dtype=float)[3]))


def test_chart__models_differ_from_code_without_colour() -> None:
    code, models, _ = stacks(draw([*SEED, RUNNING]))
    for low, high in zip(code, models, strict=True):
        grey, lighter = (lab(to_hex(bar.get_facecolor()), "normal")[0] for bar in (low, high))
        assert lighter - grey > 10


def test_chart__counts_and_hours_are_written_where_weeks_are_few() -> None:
    texts = written(draw(SEED))
    assert {"8", "5", "9", "4", "7", "6", "1.6 h", "2.0 h", "1.2 h"} <= set(texts)
    assert not [text for text in written(draw(weeks_of(104))) if text.endswith(" h")]


def test_chart__a_week_without_any_deploy_says_zero() -> None:
    notes = [text for text in draw([*SEED, a_week(3, partial=True)]).findobj(Annotation) if isinstance(text, Text)]
    assert [text.get_text() for text in notes].count("0") == 1


@pytest.mark.parametrize("count", [1, 2, 4, 8, 12, 16, 26, 52])
def test_chart__no_label_covers_another_or_an_mttr_point_or_leaves_the_plot(count: int) -> None:
    figure = draw(weeks_of(count))
    bars, hours = figure.axes
    boxes = [note.get_window_extent() for note in hours.texts]
    points = hours.transData.transform([(x, y) for x, y in enumerate(mttr(figure)) if not math.isnan(y)])
    assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))
    assert not any(box.contains(*point) for box in boxes for point in points)
    line = hours.lines[0].get_path().transformed(hours.transData)
    assert not any(line.intersects_bbox(box, filled=False) for box in boxes)
    assert all(bars.bbox.x0 <= box.x0 and box.x1 <= bars.bbox.x1 and box.y1 <= bars.bbox.y1 for box in boxes)


def test_chart__title_is_the_service_and_its_flow() -> None:
    figure = draw(SEED, service="search-api")
    assert figure.texts[0].get_text() == "search-api: unified DevOps + MLOps flow"
    assert (figure.axes[0].get_ylabel(), figure.axes[1].get_ylabel()) == ("Deploys per week", "MTTR (hours)")


def test_chart__totals_leave_out_the_running_week() -> None:
    subtitle = draw([*SEED, RUNNING]).texts[1].get_text()
    assert subtitle == "24 code deploys and 15 model ships in 3 complete weeks · 1 week diverges"
    assert draw([RUNNING]).texts[1].get_text() == "No complete week yet · no resolved incident"


def test_chart__open_incidents_follow_the_totals_and_a_long_title_is_cut() -> None:
    figure = draw(SEED, service="Sprint 12 " * 60, open_incidents=2)
    title, subtitle = figure.texts[:2]
    assert title.get_text().startswith("Sprint 12 Sprint 12")
    assert title.get_text().endswith("…: unified DevOps + MLOps flow")
    assert title.get_window_extent().x1 <= figure.bbox.x1
    assert subtitle.get_text().endswith(" · 2 incidents still open, not in MTTR")


@pytest.mark.matrix
@pytest.mark.parametrize("service", [r"$\frac{$", "$x^2$", r"\$5", "a_b^c {0} %s", "<b>&amp;</b>", "]]>", "--><!--"])
def test_chart__markup_in_the_service_name_is_drawn_literally(service: str) -> None:
    figure = draw(SEED, service=service, timezone=service)
    texts = [text for text in figure.findobj(Text) if isinstance(text, Text) and text.get_text()]
    assert [text.get_text() for text in texts if text.get_parse_math()] == []
    assert style.to_png(figure)
    shown = [node.text for node in svg(figure).iter(f"{SVG}text")]
    assert f"{service}: unified DevOps + MLOps flow" in shown
    assert f"Weeks of 2024, from Monday ({service})" in shown


@pytest.mark.matrix
@pytest.mark.parametrize("code", [0x00, 0x07, 0x1B, 0x7F, 0x85, 0x202E, 0x2066, 0xD800, 0xE000, 0xFFFE, 0x10FFFF])
def test_chart__control_characters_are_removed_and_the_svg_still_opens(code: int) -> None:
    figure = draw(SEED, service=f"re{chr(code)}commender", timezone=f"U{chr(code)}TC")
    title = figure.texts[0].get_text()
    assert chr(code) not in title
    assert style.to_png(figure)
    assert svg(figure).findtext(f"{SVG}title") == title


def test_chart__line_breaks_in_the_service_name_become_spaces() -> None:
    assert draw(SEED, service="a\r\n\tb\u2028c").texts[0].get_text().startswith("a b c:")


@pytest.mark.parametrize("service", ["x" * 300, "W" * 300, "推荐系统" * 75, "خدمة التوصيات " * 30, "é" * 300])
def test_chart__long_names_are_cut_with_an_ellipsis_and_stay_on_the_page(service: str) -> None:
    figure = draw(SEED, service=service)
    title = figure.texts[0]
    kept, _, flow = title.get_text().partition("…")
    assert service.startswith(kept)
    assert len(kept) >= 10
    assert flow == ": unified DevOps + MLOps flow"
    assert title.get_window_extent().x1 <= figure.bbox.x1


@pytest.mark.matrix
@pytest.mark.parametrize("service", ["推荐系统 🚀", "שירות המלצות", "ไทย", "e\u0301\u0302" * 9, ""])
def test_chart__scripts_without_a_glyph_draw_without_a_warning_and_stay_text(service: str) -> None:
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        figure = draw(SEED, service=service)
        assert style.to_png(figure)
        assert svg(figure).findtext(f"{SVG}title") == f"{service}: unified DevOps + MLOps flow"
    assert heard == []


@pytest.mark.parametrize(
    ("weeks", "reason"),
    [
        ([], "No weeks to show"),
        ([a_week(0)], "No code deploys, model ships or resolved incidents in 1 week"),
        (
            [a_week(n, partial=n == 3) for n in range(4)],
            "No code deploys, model ships or resolved incidents in 4 weeks",
        ),
    ],
)
def test_chart__empty_data_says_so_and_shows_no_scale(weeks: list[Week], reason: str) -> None:
    figure = draw(weeks, open_incidents=1)
    assert reason in written(figure)
    assert [tick_values(axes) for axes in figure.axes] == [[], []]
    assert list(dates(figure).values()) == [week.label for week in weeks]
    assert figure.texts[1].get_text().endswith("1 incident still open, not in MTTR")
    assert reason in [node.text for node in svg(figure).iter(f"{SVG}text")]


def test_chart__incidents_without_deploys_are_data() -> None:
    figure = draw([a_week(0, mttr=2.0), a_week(1, mttr=3.0)])
    assert mttr(figure) == [2.0, 3.0]
    assert not [text for text in written(figure) if text.startswith("No code")]


def test_chart__png_is_twice_a_page_of_800_pixels_and_carries_no_origin() -> None:
    image = pixels(draw(SEED))
    assert image.format == "PNG"
    assert image.size == (1600, 800)
    assert set(image.info) == {"dpi"}


def test_chart__svg_has_text_a_title_and_the_totals_as_text_and_no_origin() -> None:
    figure = draw([*SEED, RUNNING])
    root = svg(figure)
    assert root.get("role") == "img"
    assert root.findtext(f"{SVG}title") == "recommender: unified DevOps + MLOps flow"
    assert root.findtext(f"{SVG}desc") == "24 code deploys and 15 model ships in 3 complete weeks · 1 week diverges"
    shown = {node.text for node in root.iter(f"{SVG}text")}
    assert {"Jun 03", "Jun 24", "CODE deploys", "−5 models", "2.0 h", "MTTR (hours)"} <= shown  # noqa: RUF001
    assert b"dc:date" not in style.to_svg(figure)
    assert b"Matplotlib v" not in style.to_svg(figure)


@pytest.mark.matrix
def test_chart__same_input_same_bytes() -> None:
    one, other = draw(weeks_of(12)), draw(weeks_of(12))
    assert style.to_png(one) == style.to_png(one) == style.to_png(other)
    assert style.to_svg(one) == style.to_svg(one) == style.to_svg(other)


@pytest.mark.matrix
def test_chart__same_bytes_in_another_process_another_day_zone_and_hash_seed() -> None:
    program = (
        "import hashlib; from flowjoy.report.charts import style;"
        "from tests.unit.report.charts.test_flow import draw, weeks_of;"
        "figure = draw(weeks_of(12));"
        "print(hashlib.sha256(style.to_png(figure) + style.to_svg(figure)).hexdigest())"
    )
    figure = draw(weeks_of(12))
    here = hashlib.sha256(style.to_png(figure) + style.to_svg(figure)).hexdigest()
    assert run(program, PYTHONHASHSEED="1", TZ="Asia/Tokyo", SOURCE_DATE_EPOCH="1") == here


@pytest.mark.matrix
def test_chart__settings_of_the_workspace_change_nothing_and_none_are_changed() -> None:
    plain = draw(SEED)
    hostile: dict[Any, Any] = {
        "text.usetex": True,
        "axes.facecolor": "red",
        "text.parse_math": True,
        "svg.hashsalt": "x",
    }
    with mpl.rc_context(hostile):
        before = mpl.rcParams.copy()
        other = draw(SEED)
        assert style.to_png(other) == style.to_png(plain)
        assert style.to_svg(other) == style.to_svg(plain)
        assert mpl.rcParams.copy() == before


@pytest.mark.matrix
def test_chart__pyplot_is_never_imported() -> None:
    program = (
        "import sys; from flowjoy.report.charts import style;"
        "from tests.unit.report.charts.test_flow import SEED, draw;"
        "figure = draw(SEED); style.to_png(figure); style.to_svg(figure);"
        "print('matplotlib.pyplot' in sys.modules)"
    )
    assert run(program) == "False"


def test_chart__a_week_that_alerted_is_ringed_and_named() -> None:
    figure = draw(SEED, spikes={SEED[1].week})
    rings = [line for line in figure.axes[1].lines if line.get_fillstyle() == "none"]
    assert [list(np.flatnonzero(~np.isnan(ring.get_ydata()))) for ring in rings] == [[1]]
    assert "MTTR alert" in named(figure)
    full = draw([*SEED, RUNNING], spikes={SEED[1].week})
    (legend,) = full.legends
    assert legend.get_window_extent().x1 <= full.bbox.x1
    assert "MTTR alert" not in named(draw(SEED))


def test_chart__a_long_model_name_loses_what_it_shares_and_keeps_what_tells_it_apart() -> None:
    models = ["acme_catalog.production.recommendation_ranker", "acme_catalog.production.recommendation_retriever"]
    late = ModelGap(model=models[0], code_deploys=9, ships=4, diverges=True)
    week = replace(a_week(0, 9, 4), lagging=late, furthest=late, models=2)
    assert "−5 …ranker" in written(draw([week], models=models))  # noqa: RUF001
    assert "−5 acme…ion_ranker" in written(draw([week]))  # noqa: RUF001


def unread(*, code: bool, models: bool, **more: Any) -> list[Week]:
    return [replace(week, code_known=code, models_known=models, diverges=False, **more) for week in SEED]


def test_chart__unread_sources_replace_the_sums_and_are_not_missing_models() -> None:
    figure = draw(unread(code=True, models=False, model_deploys=0))
    assert figure.texts[1].get_text() == "Model ships could not be read"
    assert "Models missing" not in named(figure)
    assert draw(unread(code=False, models=False)).texts[1].get_text().startswith("Code deploys and model ships could")


def test_chart__what_earlier_runs_recorded_of_an_unread_source_is_pale_and_named() -> None:
    figure = draw(unread(code=True, models=False))
    code, models, _ = stacks(figure)
    assert {to_hex(bar.get_facecolor()) for bar in code} == {palette.CODE.light}
    assert {to_hex(bar.get_facecolor()) for bar in models} == {palette.MODEL_PALE.light}
    assert "Known from earlier runs" in named(figure)
    assert "Known from earlier runs" not in named(draw(SEED))


def test_chart__empty_because_nothing_was_read_says_that() -> None:
    nothing: dict[str, Any] = {"code_deploys": 0, "model_deploys": 0, "gap": 0, "mttr_hours": None}
    assert "Unknown: model ships could not be read" in written(draw(unread(code=True, models=False, **nothing)))
    known = written(draw([a_week(n) for n in range(3)]))
    assert "No code deploys, model ships or resolved incidents in 3 weeks" in known


def test_chart__a_week_that_was_not_counted_shows_no_zero() -> None:
    weeks = unread(code=False, models=False, code_deploys=0, model_deploys=0, gap=0)
    assert "0" not in [note.get_text() for note in draw(weeks).findobj(Annotation) if isinstance(note, Text)]


def test_chart__unknown_incidents_are_not_shown_as_none() -> None:
    weeks = [replace(week, incidents=None, mttr_hours=None) for week in SEED]
    assert draw(weeks).texts[1].get_text().endswith(" · incidents unknown")
