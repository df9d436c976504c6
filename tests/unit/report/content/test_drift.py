"""The drift check as people see it: picture, page and summary, with names that want to be more than names."""

from __future__ import annotations

import io
import itertools
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from typing import Any

import matplotlib as mpl
import pytest
from PIL import Image

from flowjoy.analysis.results import Results, analyse
from flowjoy.domain.bundle import Bundle
from flowjoy.domain.drift import DriftCheck, DriftStatus, FeatureDrift
from flowjoy.ledger.bundle_file import bundle_bytes
from flowjoy.report import files, step_outputs
from flowjoy.report.charts import drift, style
from tests.builders import a_bundle, a_drift_check, at
from tests.e2e.in_process import blank_pictures
from tests.unit.report.a_year import HOSTILE
from tests.unit.report.rendered import read, summary
from tests.unit.report.test_html import Reader

SVG = "{http://www.w3.org/2000/svg}"
NAMES = (*HOSTILE, r"$\frac{$", "<script>alert(1)</script>", "\u202eevil\u202c", "x" * 300, "\ud800half", "", "a\nb|c")


def a_feature(name: str = "age", *, kl: float = 0.01, bins: int = 10, **changes: Any) -> FeatureDrift:
    over = kl > 0.1
    ordinary = FeatureDrift(
        name=name,
        status=DriftStatus.OVER if over else DriftStatus.OK,
        kl_nats=kl,
        psi=2 * kl,
        reference_n=2000,
        live_n=300,
        reference_shares=(1 / bins,) * bins,
        live_shares=(0.5, *((0.5 / (bins - 1),) * (bins - 1))),
    )
    return replace(ordinary, **changes)


def drawn(check: DriftCheck) -> tuple[str, bytes]:
    """Every text of the picture, and its bytes as SVG."""
    figure = drift.draw(check, service="shop")
    svg = style.to_svg(figure)
    return " | ".join("".join(item.itertext()) for item in tree(svg).iter(f"{SVG}text")), svg


def page_of(results: Results) -> str:
    with blank_pictures():
        return files.renderings(results, bundle_bytes(results))["report.html"]().decode()


def tree(svg: bytes) -> ET.Element:
    return ET.fromstring(svg)  # noqa: S314  (our own)


def with_check(check: DriftCheck | None) -> Bundle:
    return a_bundle(drift=check, until=at(1) if check is None else check.at)


def test_picture__shows_the_worst_twelve_each_with_its_figures() -> None:
    check = a_drift_check(over=True, features=tuple(a_feature(f"f{n}", kl=0.2 - n / 100) for n in range(20)))
    texts, _ = drawn(check)
    assert "worst 0.2000 nats, threshold 0.1 · the worst 12 of 20 features" in texts
    assert re.findall(r"\bf\d+", texts) == [f"f{n}" for n in range(12)]
    assert "KL 0.200 · PSI 0.400 · over" in texts
    assert "10 → 50 %" in texts


def test_picture__of_a_constant_that_stays_names_its_share_and_not_that_of_an_empty_bin() -> None:
    constant = a_feature(reference_shares=(0.0, 1.0, 0.0), live_shares=(0.0, 1.0, 0.0))
    texts, _ = drawn(a_drift_check(features=(constant,)))
    assert "100 → 100 %" in texts


def test_picture__tells_apart_rows_without_a_value_and_the_rest() -> None:
    (bars,) = (
        axes.containers
        for axes in drift.draw(
            a_drift_check(features=(a_feature(has_missing=True, folded=True, categorical=True),)), service="shop"
        ).axes
    )
    lefts = [bar.get_x() for bar in bars[0]]
    gaps = [round(right - left, 3) for left, right in itertools.pairwise(lefts)]
    assert gaps == [1.0] * 7 + [1.7, 1.7]
    texts, _ = drawn(a_drift_check(features=(a_feature(has_missing=True, folded=True, categorical=True),)))
    assert "most to least common" in texts
    assert "rest, none" in texts


@pytest.mark.parametrize(
    ("status", "text"),
    [(DriftStatus.TOO_FEW, "Too few rows to judge"), (DriftStatus.ERROR, "Nothing could be compared")],
)
def test_picture__of_nothing_says_so(status: DriftStatus, text: str) -> None:
    texts, svg = drawn(a_drift_check(status=status, features=()))
    assert text in texts
    assert b"worst" not in svg


def test_picture__of_the_same_check_has_the_same_bytes_whatever_the_machine_prefers() -> None:
    check = a_drift_check(features=tuple(a_feature(name) for name in NAMES[:3]))
    before = style.to_png(drift.draw(check, service="shop")), drawn(check)[1]
    with mpl.rc_context({"axes.facecolor": "red", "text.usetex": True, "font.size": 30}):
        assert (style.to_png(drift.draw(check, service="shop")), drawn(check)[1]) == before
    assert Image.open(io.BytesIO(before[0])).size[0] == 1600


@pytest.mark.matrix
def test_picture__of_hostile_names_is_sound_and_no_text_leaves_its_panel() -> None:
    for start in range(0, len(NAMES), 12):
        check = a_drift_check(model=NAMES[0], features=tuple(a_feature(n, kl=0.2) for n in NAMES[start : start + 12]))
        figure = drift.draw(check, service="<b>&")
        for axes in figure.axes:
            panel = axes.get_window_extent()
            for text in axes.texts:
                extent = text.get_window_extent()
                assert extent.x0 > panel.x0 - 4, text.get_text()
                assert extent.x1 < panel.x1 + 4, text.get_text()
        svg = style.to_svg(figure)
        assert {item.tag for item in tree(svg).iter()}.isdisjoint({f"{SVG}script", f"{SVG}a", f"{SVG}image"})


def test_page_and_summary__of_hostile_names_are_inert() -> None:
    features = tuple(a_feature(name, kl=0.2) for name in NAMES)
    lacking = tuple(FeatureDrift(name=f"{n} 2", status=DriftStatus.ERROR, problem="gone") for n in NAMES)
    results = analyse(
        with_check(a_drift_check(over=True, model=NAMES[0], reference=NAMES[1], features=features + lacking))
    )
    page = Reader(page_of(results))
    assert len(page.named("script")) == 1
    assert not page.named("a") or all(str(link["href"]).startswith("#") for link in page.named("a"))
    text = summary(results)
    assert "<script" not in text
    assert re.search(r"(?<!\\)@octo|!\[|\]\(http", text) is None
    assert all("\u202e" not in text for text in (text, page.text))


def test_page__shows_every_feature_and_folds_a_long_table() -> None:
    results = analyse(with_check(a_drift_check(features=tuple(a_feature(f"f{n}") for n in range(14)))))
    page = page_of(results)
    assert "Show all 14" in page
    assert page.count('<tr class="rest">') == 2
    assert "f13</bdi></code></td>" in page


@pytest.mark.parametrize(
    ("check", "sentence"),
    [
        (a_drift_check(), "age diverges from training by 0.0100 nats, the largest of 1 feature; up to 0.1 is ok."),
        (a_drift_check(over=True), "over 0.1: drift if the next check of new rows is also over it."),
        (a_drift_check(status=DriftStatus.ERROR, features=(), problem="no such file"), "no such file"),
    ],
)
def test_summary__says_what_the_check_says(check: DriftCheck, sentence: str) -> None:
    assert sentence in read(summary(analyse(with_check(check))))


def test_summary__without_a_check_says_nothing_of_it() -> None:
    results = analyse(with_check(None))
    assert "### Drift" not in summary(results)
    filled = step_outputs.fill(results, {})
    assert (filled["drift-status"], filled["drift-worst"]) == ("", "")


def test_outputs__name_the_worst_feature_that_was_judged() -> None:
    lacking = FeatureDrift(name="gone", status=DriftStatus.ERROR, problem="gone")
    filled = step_outputs.fill(analyse(with_check(a_drift_check(features=(a_feature(kl=0.01239), lacking)))), {})
    assert filled["drift-worst"] == "0.0124"


def test_summary__of_a_thousand_features_stays_short() -> None:
    features = tuple(a_feature(f"f{n}" + "<" * 900) for n in range(1000))
    results = analyse(with_check(a_drift_check(features=features)))
    assert len(summary(results)) < 30_000
    assert "and 995 more, in flowjoy-bundle.json" in read(summary(results))
