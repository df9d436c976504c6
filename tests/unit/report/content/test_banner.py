"""The banner and the moves: what a person reads first, and what it leads to, on every surface."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from flowjoy.analysis.results import Results, analyse, with_gate
from flowjoy.domain import CoverageState, Waiver
from flowjoy.domain.gate_findings import GateFinding, GateLevel, MergeGate
from flowjoy.report import surfaces
from flowjoy.report.blocks import Banner, Mark
from flowjoy.report.checks import gate_check, promise_check, settled_check
from flowjoy.report.content.banner import banner, release_banner
from flowjoy.report.content.report import report_of
from flowjoy.report.links import Links
from flowjoy.report.prose import plain
from tests.builders import a_bundle, a_coverage, a_deploy, a_ship, a_stub_file, at
from tests.unit.report.rendered import comment, read, summary

SHA, OTHER = "a" * 40, "b" * 40
LINKS = Links(
    repository="https://github.com/acme/shop",
    documentation="https://github.com/acme/flowjoy/blob/v1/docs",
    check="https://github.com/acme/shop/commit/c/checks",
    run="https://github.com/acme/shop/actions/runs/1",
    pull_request=7,
)


def breach(**changes: Any) -> Results:
    """A release that is 2 h overdue."""
    return analyse(a_bundle([a_deploy(0, SHA)], [], until=at(50), **changes))


def on_a_pull_request(results: Results, *findings: GateFinding) -> Results:
    return with_gate(results, MergeGate(findings=findings, is_merge=True))


def told(content: Banner) -> str:
    """All words of a banner."""
    moves = [f"{plain(move.do)} {plain(move.why)}" for move in content.moves]
    return " ".join([content.word, plain(content.title), *map(plain, content.facts), *moves])


def test_overdue__names_model_release_deadline_and_actor() -> None:
    content = banner(breach())
    assert (content.mark, plain(content.title)) == (Mark.BAD, "recommender is 2 h overdue")
    assert plain(content.facts[0]) == (
        "Release aaaaaaaaaaaa was deployed Mon 03 Jun 09:00 UTC; a new version of recommender was due within 48 h, "
        "by Wed 05 Jun 09:00 UTC."
    )
    assert plain(content.moves[0].do) == "Data team: ship a new version of recommender."


@pytest.mark.parametrize(
    ("number", "by"),
    [("run:77", " by run 77"), ("run:77@2", " by run 77"), ("run:<b>x", ""), ("deployment:77", ""), ("run", "")],
)
def test_overdue__names_the_workflow_run_that_deployed(number: str, by: str) -> None:
    content = banner(analyse(a_bundle([a_deploy(0, SHA, id=number)], [], until=at(50))))
    assert plain(content.facts[0]).startswith(f"Release aaaaaaaaaaaa was deployed Mon 03 Jun 09:00 UTC{by}; a new")


@pytest.mark.parametrize(("hours", "title"), [(50, "recommender is 2 h overdue"), (64, "First run: 1 release broke")])
def test_overdue__in_a_first_run_stays_the_title_unless_it_ran_out_before_today(hours: float, title: str) -> None:
    results = analyse(a_bundle([a_deploy(0, SHA)], [], until=at(hours), first_trusted_at=at(hours)))
    assert plain(banner(results).title).startswith(title)


def test_release__that_was_rolled_back_has_a_whole_sentence() -> None:
    code = [a_deploy(-200, OTHER), a_deploy(0, SHA), a_deploy(9, OTHER, id="deployment:back")]
    results = analyse(a_bundle(code, [a_ship(-199)], until=at(10)))
    content = release_banner(results, [item for item in results.obligations if item.sha == SHA])
    assert content is not None
    assert plain(content.title) == "recommender is cancelled: the code was rolled back in time"


def test_overdue__on_a_pull_request_says_that_the_change_did_not_cause_it_and_gives_three_ways_out() -> None:
    results = on_a_pull_request(breach())
    content = banner(results, LINKS)
    assert plain(content.title) == "Merging is blocked: recommender is 2 h overdue"
    assert "Your change did not cause it" in plain(content.facts[0])
    assert [plain(move.do) for move in content.moves] == [
        "Data team: ship a new version of recommender.",
        "In an emergency, ask an administrator to merge this pull request past the check.",
        "Or merge a waiver.",
    ]
    text = comment(results, LINKS)
    assert "[how to write one](https://github.com/acme/flowjoy/blob/v1/docs/promise.md#waivers)" in text
    assert "[check](https://github.com/acme/shop/commit/c/checks)" in text
    assert "[report](https://github.com/acme/shop/actions/runs/1)" in text


def test_overdue__that_is_not_enforced_blocks_nothing_and_says_so() -> None:
    results = on_a_pull_request(breach(terms={"enforce": False}))
    content = banner(results, LINKS)
    assert "blocked" not in told(content)
    assert "Reported only: enforce is false, so the step does not fail." in told(content)


@pytest.mark.parametrize(("is_merge", "act"), [(True, "Merging"), (False, "Deploying")])
def test_refused__names_the_act_the_problem_and_the_emergency(*, is_merge: bool, act: str) -> None:
    finding = GateFinding(level=GateLevel.FAILURE, text="recommender: version 2 is not READY. Wait")
    gate = MergeGate(findings=(finding,), is_merge=is_merge)
    kept = analyse(a_bundle([a_deploy(0, SHA)], [a_ship(1)], until=at(9)))
    results = with_gate(kept, gate)
    title = f"{act} is blocked: recommender: version 2 is not READY"
    content = banner(results)
    assert (plain(content.title), plain(content.moves[0].do)) == (title, "Wait.")
    check = gate_check(gate, OTHER, results, stub_path="flowjoy.json")
    assert (check.conclusion, check.title) == ("failure", f"{title}. Wait")
    assert "merge a waiver" in read(check.summary)


def test_owner__of_the_stub_is_named_in_the_move() -> None:
    stub = '{"models": {"recommender": {"owner": "Ranking team"}}}'
    results = breach(stubs={"HEAD": a_stub_file(stub), SHA: a_stub_file(stub)})
    assert plain(banner(results).moves[0].do) == "Ranking team: ship a new version of recommender."


def test_running__counts_down_to_the_first_deadline_and_counts_the_rest() -> None:
    results = analyse(a_bundle([a_deploy(100), a_deploy(101)], [a_ship(50)], until=at(110)))
    content = banner(results)
    assert (content.mark, content.word) == (Mark.WAIT, "Pending")
    assert plain(content.title) == "recommender is due in 38 h (Sun 13:00 UTC); 2 releases wait for it"
    late = analyse(a_bundle([a_deploy(100)], [a_ship(50)], until=at(140)))
    assert banner(late).word == "At risk"


def test_never_deployed__is_no_data_and_no_praise() -> None:
    content = banner(analyse(a_bundle([], [], until=at(50))))
    assert (content.mark, content.word) == (Mark.CALM, "No data")
    assert "holds" not in told(content)
    assert "Nothing to do" not in told(content)


def test_never_deployed__has_no_praise_in_advice_and_retrospective_either() -> None:
    text = read(summary(analyse(a_bundle([], [], until=at(1000)))))
    assert "No code was deployed in a complete week." in text
    assert "kept up" not in text


def test_unread__source_has_no_praise_in_advice_and_retrospective() -> None:
    unread = a_coverage("models", CoverageState.FAILED, reason="the registry refused", hint="check the token")
    text = read(summary(breach(coverage=(a_coverage("code"), unread))))
    assert "No signal fired" not in text
    assert "keep shipping" not in text
    assert text.count("Unknown: models could not be read.") >= 3


def test_unread__source_comes_first_and_its_cure_is_the_move() -> None:
    unread = a_coverage("models", CoverageState.FAILED, reason="the registry refused", hint="check the token")
    content = banner(breach(coverage=(a_coverage("code"), unread)))
    assert plain(content.title) == "Could not decide: models: the registry refused"
    assert f"{plain(content.moves[0].do)} {plain(content.moves[0].why)}" == (
        "Workflow maintainer: let FlowJoy read the source models. "
        "The registry refused: check the token. Then re-run the failed job of this run."
    )


def test_nothing_to_do__is_said_only_while_no_alert_fires() -> None:
    quiet = analyse(a_bundle([a_deploy(0)], [a_ship(1)], until=at(9)))
    assert [plain(move.do) for move in banner(quiet).moves] == ["Nothing to do."]
    week = 168
    code = [a_deploy(n) for n in range(9)] + [a_deploy(week + 1)]
    ships = [a_ship(30), a_ship(week + 2)]
    lagging = analyse(a_bundle(code, ships, until=at(week + 40), weeks=2, first_trusted_at=at(0)))
    assert lagging.alerts.firing
    assert "Nothing to do" not in told(banner(lagging))
    assert "lagging" in told(banner(lagging))


def test_waiver__shows_who_why_and_until_when_everywhere() -> None:
    waiver = {"model": "recommender", "sha": "*", "reason": "holiday freeze", "by": "data platform"}
    head = a_stub_file(json.dumps({"models": {}, "waivers": [{**waiver, "until": at(200).isoformat()}]}))
    seen = Waiver(**waiver, until=at(200), seen_at=at(1))
    results = breach(stubs={"HEAD": head}, waivers=(seen,))
    content = banner(results)
    assert plain(content.title).startswith("recommender is waived until ")
    check = settled_check(results, SHA)
    assert check is not None
    for text in (
        plain(content.title),
        read(summary(results)),
        read(comment(results)),
        check.title,
        read(check.summary),
    ):
        assert "holiday freeze" in text
        assert "data platform" in text
        assert "until Tue 11 Jun 17:00 UTC" in text.replace("\u00a0", " ")


def test_waiver__that_ended_after_the_code_was_rolled_back_is_told_in_the_past() -> None:
    waiver = {"model": "recommender", "sha": "*", "reason": "freeze", "by": "data platform"}
    head = a_stub_file(json.dumps({"models": {}, "waivers": [{**waiver, "until": at(70).isoformat()}]}))
    code = [a_deploy(-300, OTHER), a_deploy(0, SHA), a_deploy(60, OTHER)]
    seen = Waiver(**waiver, until=at(70), seen_at=at(1))
    results = analyse(a_bundle(code, [a_ship(-299)], until=at(90), stubs={"HEAD": head}, waivers=(seen,)))
    check = settled_check(results, SHA)
    assert check is not None
    assert check.title.startswith("recommender was waived until ")


@pytest.mark.parametrize(
    ("hours", "title"),
    [
        (0, "1 model shipped with the code"),
        (31, "1 model shipped after 31 h"),
        (80, "recommender shipped 32 h late"),
    ],
)
def test_check__never_contradicts_its_own_text(hours: float, title: str) -> None:
    """A release that shipped late is red on its own commit, although the service owes nothing now."""
    results = analyse(a_bundle([a_deploy(0, SHA)], [a_ship(hours, "7")], until=at(90)))
    check = promise_check(results, SHA, report_of(results), stub_path="flowjoy.json", lines={})
    first = read(check.summary).splitlines()[2]
    assert first.endswith(f"{check.title}**")
    assert first.startswith("❌" if check.conclusion == "failure" else "✅")
    settled = settled_check(results, SHA)
    assert settled is not None
    assert settled.title == title


def test_late__one_model_that_was_late_twice_is_one_model() -> None:
    results = analyse(a_bundle([a_deploy(0), a_deploy(1, "b" * 40)], [a_ship(80)], until=at(90)))
    assert plain(banner(results).title) == "Nothing is due now; 1 model shipped late in the last 4 weeks"


def test_late__release_says_that_its_red_check_needs_nothing_more() -> None:
    results = analyse(a_bundle([a_deploy(0, SHA)], [a_ship(80)], until=at(90)))
    content = release_banner(results, results.obligations)
    assert content is not None
    assert [plain(move.do) for move in content.moves] == ["Nothing is left to ship for this release."]
    assert "Other commits and pull requests are not blocked" in plain(content.moves[0].why)


def test_refused_dependency__names_itself_in_the_title_of_the_sla_check() -> None:
    finding = GateFinding(level=GateLevel.FAILURE, text="recommender: version 2 is not READY. Wait and run again")
    results = on_a_pull_request(analyse(a_bundle([a_deploy(0, SHA)], [a_ship(4)], until=at(9))), finding)
    check = promise_check(results, OTHER, report_of(results, LINKS), stub_path="flowjoy.json", lines={})
    assert check.title == "Merging is blocked by the model dependency: recommender: version 2 is not READY"


@pytest.mark.parametrize(
    ("signal", "source", "how"),
    [
        ("registered", "mlflow", " (register it in MLflow)"),
        ("registered", None, ""),
        ("alias:champion", "mlflow", " (move the alias champion to it)"),
        ("stage:Production", "mlflow", " (move it to the stage Production)"),
        ("tag:live", "mlflow", " (set the tag live on it)"),
    ],
)
def test_move__says_how_a_version_ships_under_the_configured_signal(signal: str, source: str | None, how: str) -> None:
    content = banner(breach(terms={"model_signal": signal, "model_source": source}))
    assert plain(content.moves[0].do) == f"Data team: ship a new version of recommender{how}."


def test_not_set_up__says_what_to_write_and_where() -> None:
    terms = {"models": (), "code_source": "deployments of production"}
    content = banner(analyse(a_bundle([a_deploy(0, SHA)], [], until=at(9), terms=terms)), LINKS)
    assert content.word == "Not set up"
    assert "In the FlowJoy step, name the models" in plain(content.moves[0].do)
    assert "flowjoy.json" in plain(content.moves[0].why)


def test_not_set_up__of_a_code_file_says_that_a_stub_does_not_help() -> None:
    content = banner(analyse(a_bundle([a_deploy(0, SHA)], until=at(9), terms={"models": (), "code_source": ""})), LINKS)
    assert "flowjoy.json does not apply to releases of a code file" in plain(content.title)
    assert "name the models" in plain(content.moves[0].do)
    assert "flowjoy.json" not in plain(content.moves[0].why)


def test_release__that_waits_is_not_settled() -> None:
    results = analyse(a_bundle([a_deploy(0, SHA)], [], until=at(9)))
    assert release_banner(results, results.obligations) is None


def test_comment__is_silent_about_a_forecast_and_speaks_of_a_finding() -> None:
    kept = analyse(a_bundle([a_deploy(0, SHA)], [a_ship(1)], until=at(9)))
    ahead = MergeGate(findings=(), forecast=("merging starts a 48 h clock for recommender",), is_merge=True)
    assert not surfaces.noteworthy(with_gate(kept, ahead))
    notice = GateFinding(level=GateLevel.WARNING, text="recommender: version 2 is not READY (waived: …)")
    assert surfaces.noteworthy(with_gate(kept, replace(ahead, findings=(notice,))))
    assert surfaces.noteworthy(breach())


def test_counts__are_right_for_one() -> None:
    results = analyse(a_bundle([a_deploy(0, SHA), a_deploy(1, OTHER)], [], until=at(50)))
    assert "1 more release waits as well." in told(banner(results))
    three = analyse(a_bundle([a_deploy(0), a_deploy(1), a_deploy(2)], [], until=at(60)))
    assert "2 more releases wait as well." in told(banner(three))
