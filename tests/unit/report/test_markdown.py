"""The job summary and the texts of the checks: what stands where, and within GitHub's limits for any size of input."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from markdown_it import MarkdownIt

from flowjoy.analysis.results import Results, analyse
from flowjoy.domain import CoverageState, Status
from flowjoy.domain.bundle import Bundle
from flowjoy.report import step_outputs
from flowjoy.report.checks import LONGEST_TEXT, promise_check, settled_check
from flowjoy.report.content.banner import banner, headline
from flowjoy.report.content.report import report_of
from flowjoy.report.csv_files import weeks_csv
from flowjoy.report.prose import Countdown, Name, own, spans
from flowjoy.report.text import counted
from tests.builders import a_bundle, a_coverage, a_deploy, a_ship, an_incident, at
from tests.unit.report.a_year import WEEK, a_hostile_bundle, a_year
from tests.unit.report.rendered import read, summary
from tests.unit.report.test_html import page_of

UNREAD = a_coverage("models", CoverageState.FAILED, reason="the registry refused", hint="check the token")
READ = (a_coverage("code"), a_coverage("models"), a_coverage("incidents (PagerDuty)", required=False))


@cache
def a_breach_of_thousands() -> Results:
    """A thousand releases of five models, none of which ever shipped."""
    models = tuple(f"model-{number}" for number in range(5))
    deploys = [a_deploy(n / 4, f"{n:040x}") for n in range(1_000)]
    return analyse(a_bundle(deploys, [], until=at(400), terms={"models": models}))


def weeks_of(*counts: tuple[int, int], **changes: Any) -> Bundle:
    """So many code deploys and model ships a week, the running week last."""
    code = [a_deploy(week * WEEK + n) for week, (deploys, _) in enumerate(counts) for n in range(deploys)]
    ships = [a_ship(week * WEEK + 30 + n, f"{week}.{n}") for week, (_, some) in enumerate(counts) for n in range(some)]
    until = at((len(counts) - 1) * WEEK + 40)
    return replace(a_bundle(code, ships, until=until, weeks=len(counts), coverage=READ), **changes)


def test_summary__of_five_thousand_breaches_is_short_begins_with_the_verdict_and_counts_the_rest() -> None:
    results = a_breach_of_thousands()
    assert results.count(Status.BREACHED) > 4_000
    text = summary(results)
    assert len(text.encode()) < 100_000
    assert read(text).splitlines()[2] == "❌ **5 models are overdue, the first by 14 d 16 h**"
    assert re.search(r"… and \d{4} more, in flowjoy-bundle\.json\.", read(text))


def test_check_text__of_five_thousand_breaches_is_within_the_limit_and_each_model_is_remarked_once() -> None:
    results = a_breach_of_thousands()
    check = promise_check(
        results,
        "a" * 40,
        report_of(results),
        stub_path="flowjoy.json",
        lines={f"model-{n}": n + 1 for n in range(5)},
    )
    assert len(check.summary) <= LONGEST_TEXT
    assert sorted(remark.line for remark in check.annotations) == [1, 2, 3, 4, 5]


def test_check_text__of_hostile_names_is_within_the_limit() -> None:
    results = analyse(a_hostile_bundle())
    owed = results.obligations[0].sha
    assert owed is not None
    settled = settled_check(results, owed)
    assert settled is not None
    assert len(settled.summary) <= LONGEST_TEXT


def test_summary__first_says_the_verdict_then_what_to_do_then_the_rest() -> None:
    text = summary(analyse(a_year(weeks=12)))
    heads = re.findall(r"^(?:### (.+)|\*\*(What to do)\*\*|(❌))", read(text), flags=re.MULTILINE)
    assert ["".join(head) for head in heads] == [
        "❌", "What to do", "Alerts", "The 48-hour promise", "Code and models, week by week",
        "Incidents and recovery", "Advice", "Retrospective", "DORA metrics", "Code and model pairs",
        "Inventory", "Sources",
    ]  # fmt: skip


def test_summary__says_by_when_and_how_much_is_left() -> None:
    text = summary(analyse(a_bundle([a_deploy(100)], [a_ship(50)], until=at(110))))
    assert "is due within 48 h, by Sun 09 Jun 13:00 UTC" in read(text)
    assert "recommender is due in 38 h (Sun 13:00 UTC)" in read(text)


def clocks_in(results: Results) -> list[object]:
    return [span for span in spans(banner(results).title) if isinstance(span, Countdown)]


def test_headline__is_its_parts_and_only_a_running_clock_is_apart() -> None:
    running = analyse(a_bundle([a_deploy(100), a_deploy(101)], [a_ship(50)], until=at(110)))
    assert clocks_in(running) == [Countdown("in 38 h", at(148), form="in")]
    assert headline(running) == "recommender is due in 38 h (Sun 13:00 UTC); 2 releases wait for it"
    assert clocks_in(a_breach_of_thousands()) == []


def test_mermaid__is_an_extra_of_at_most_twelve_weeks_from_zero_and_not_drawn_of_what_was_not_read() -> None:
    text = summary(analyse(a_year()))
    (chart,) = re.findall(r"```mermaid\n(.*?)\n```", text, flags=re.DOTALL)
    palette, kind, title, labels, scale, bars, line = (part.strip() for part in chart.splitlines())
    assert re.fullmatch(r"%%\{init: .*plotColorPalette.*\}%%", palette)
    assert (kind, title) == ("xychart-beta", 'title "Code deploys (bars) and model ships (line) by complete week"')
    assert scale == 'y-axis "deploys per week" 0 --> 8'
    assert re.fullmatch(r'x-axis \[("[A-Z][a-z]{2} \d\d"(, )?){12}\]', labels)
    assert re.fullmatch(r"bar \[(\d+(, )?){12}\]", bars)
    assert re.fullmatch(r"line \[(\d+(, )?){12}\]", line)
    assert "mermaid" not in summary(analyse(replace(a_year(weeks=4), coverage=(*READ[:1], UNREAD), models=())))


def test_mermaid__leaves_out_the_running_week_which_would_be_a_fall() -> None:
    results = analyse(a_year(weeks=4))
    assert results.weeks[-1].partial
    *complete, running = (week.label for week in results.weeks)
    text = summary(results)
    labels = ", ".join(f'"{label}"' for label in complete)
    assert f"x-axis [{labels}]" in text
    assert f'"{running}"' not in text
    assert "mermaid" not in summary(analyse(a_year(weeks=1)))


def test_advice__in_angle_brackets_is_read_and_no_tag() -> None:
    text = summary(analyse(weeks_of((9, 9), (1, 0))))
    assert "Tag image and model with the unified tag <service>:<git-sha>-<model-sha>" in read(text)
    shown = MarkdownIt("gfm-like", {"linkify": False}).render(text)
    assert "<code>&lt;service&gt;:&lt;git-sha&gt;-&lt;model-sha&gt;</code>" in shown


def test_ours__only_what_stands_in_angle_brackets_becomes_code() -> None:
    assert own("tag <a>:<b>-<c> (so)") == ("tag ", Name("<a>:<b>-<c>"), " (so)")
    assert own("5 < 6, and that is all") == ("5 < 6, and that is all",)
    assert own("set `enforce` again") == ("set ", Name("enforce"), " again")


def test_second_week__that_diverges_is_marked_as_escalated() -> None:
    text = read(summary(analyse(weeks_of((9, 1), (9, 1), (1, 0)))))
    assert "❌ **Escalated:** the signal fired for the second week in a row." in text
    assert "❌ Run a 48-hour spike" in text
    assert "Escalated" not in summary(analyse(weeks_of((9, 9), (9, 1), (1, 0))))


def test_week__that_is_well_is_marked_and_one_that_lags_is_not() -> None:
    once = (an_incident(1, hours=1),)
    text = read(summary(analyse(weeks_of((9, 1), (7, 6), (1, 1), incidents=once))))
    rows = {line[2:8]: line for line in text.partition("| week |")[2].partition("\n\n")[0].splitlines()}
    assert rows["Jun 10"].endswith("| ✅ healthy |")
    assert rows["Jun 03"].endswith("| ⏳ Model cadence lagging by 8 deploys |")
    assert rows["Jun 17"].endswith("| running |")
    without = weeks_of((7, 6), (1, 1), coverage=READ[:2])
    assert "healthy" not in summary(analyse(without))
    assert "healthy" not in summary(analyse(weeks_of((7, 6), (1, 1))))


def jammed(model: str = "model-07") -> Bundle:
    """Two complete weeks of five deploys and twenty models, of which one shipped once."""
    names = [f"model-{n:02}" for n in range(20) if n != 7]
    code = [a_deploy(week * WEEK + n) for week in range(2) for n in range(5)]
    ships = [a_ship(week * WEEK + n, f"{week}{n}", model=name) for week in range(2) for n in range(5) for name in names]
    ships.append(a_ship(1, "1", model=model))
    return a_bundle(code, ships, until=at(2 * WEEK), weeks=3, terms={"models": (*names, model)}, coverage=READ)


def test_models__the_one_that_jams_is_named_however_often_the_others_ship() -> None:
    results = analyse(jammed())
    text = read(summary(results))
    assert "| Jun 03 | 5 | 96 | 4 |" in text
    assert text.count("⏳ model-07 cadence lagging by 4 deploys") == 1
    assert text.count("⏳ model-07 cadence lagging by 5 deploys") == 1
    (packaging, *_) = results.advice
    assert packaging.escalated
    assert packaging.because.startswith("Jun 10: 5 code deploys and 0 ships of model-07: a gap of 5 is more than 50 %")
    assert "Jun 10: 5 code deploys and 0 ships of model-07, a gap of 5." in text
    assert [line.split(b",")[3] for line in weeks_csv(results).splitlines()[:3]] == [b"gap", b"4", b"5"]
    assert "model-07 cadence lagging by 5 deploys" in page_of(jammed())


def test_models__a_hostile_name_that_lags_stays_text() -> None:
    bundle = jammed("**x** | <b>y</b> @octo")
    assert "&#42;&#42;x&#42;&#42; &#124; &#60;b&#62;y" in summary(analyse(bundle))
    assert "<b>y</b>" not in page_of(bundle)


@pytest.fixture(scope="module")
def unread() -> Results:
    return analyse(replace(a_year(weeks=4), coverage=(a_coverage("code"), UNREAD, READ[2]), models=()))


def test_registry__that_was_not_read_is_no_lag_no_advice_and_no_answer(unread: Results) -> None:
    text = summary(unread)
    assert "lagging" not in text
    assert "package the model in the same CI job" not in text.partition("The last action:")[0]
    assert "40 unknown: a required source could not be read." in text
    assert "No deadline has passed" not in text
    assert "Unknown: models could not be read." in text
    assert "Gap: 4 then, no data now" in read(text)
    assert "| Jun 10 | 5 | no data | no data | 1.5 |" in read(text)
    assert len(re.findall(r"\| ❌ unknown \|", text)) == 5


def test_outputs__count_nothing_that_was_not_read(unread: Results) -> None:
    outputs = step_outputs.fill(unread, {})
    assert (outputs["code-deploys"], outputs["model-deploys"], outputs["cadence-gap"]) == ("5", "", "")
    assert {outputs[f"sla-{name}"] for name in ("met", "late", "pending", "breached", "rate")} == {""}


def test_counted__is_a_lower_bound_or_no_data_where_it_was_not_read() -> None:
    assert [counted(n, known=known) for n, known in ((3, True), (0, True), (3, False), (0, False))] == [
        "3", "0", "≥ 3", "no data",
    ]  # fmt: skip


def test_last_action__is_dated_like_the_weeks_and_says_whether_it_helped() -> None:
    text = read(summary(analyse(a_year(weeks=12))))
    assert "proposed in the week of Jun 03: package the model. Gap: 4 then, 4 now: no change." in text


def test_rollback_target__is_not_named_where_nobody_knows_of_incidents() -> None:
    incident = an_incident(5, hours=1)
    code, ships = [a_deploy(0), a_deploy(50)], [a_ship(1), a_ship(51)]
    known = summary(analyse(a_bundle(code, ships, [incident], until=at(60), coverage=READ)))
    assert "Last pair without an incident" in known
    assert "Last pair without an incident" not in summary(
        analyse(a_bundle(code, ships, [incident], until=at(60), coverage=READ[:2]))
    )
