"""The moves below a title: grouped where there are many, and without what title and facts say."""

from __future__ import annotations

from flowjoy.analysis.results import Results, analyse, with_gate
from flowjoy.domain.gate_findings import GateFinding, GateLevel, MergeGate
from flowjoy.report.content import gate
from flowjoy.report.content.banner import banner
from flowjoy.report.content.moves import moves
from flowjoy.report.prose import plain
from tests.builders import a_bundle, a_deploy, at
from tests.unit.report.rendered import comment, read, summary


def overdue(count: int) -> Results:
    models = tuple(f"model-{number:02}" for number in range(count))
    return analyse(a_bundle([a_deploy(0)], [], until=at(50), terms={"models": models}))


def test_moves__of_one_overdue_model_do_not_repeat_its_release_and_delay() -> None:
    content = banner(overdue(1))
    assert plain(content.title) == "model-00 is 2 h overdue"
    assert [plain(move.why) for move in content.moves[:1]] == ["Then re-run the failed job of this run."]
    assert plain(content.moves[0].do) == "Data team: ship a new version of model-00."


def test_moves__of_a_few_models_are_all_shown() -> None:
    assert [move.rest for move in moves(overdue(4))] == [()] * 5, "four ships and the way out"


def test_moves__of_many_models_are_three_and_one_for_the_rest() -> None:
    ships = moves(overdue(11))[:4]
    assert [len(move.rest) for move in ships] == [0, 0, 0, 8]
    assert plain(ships[3].do) == "Ship 8 more models."
    assert plain(ships[3].why).startswith("model-03, model-04")
    assert plain(ships[2].why).endswith("Then re-run the failed job of this run.")


def test_summary__of_many_models_names_the_rest_and_keeps_the_way_out() -> None:
    text = read(summary(overdue(11)))
    assert "11 models are overdue, the first by 2 h" in text
    assert "Ship 8 more models.** model-03, model-04" in text
    assert "In an emergency, merge a waiver." in text


def test_comment__says_a_single_failure_of_the_gate_once() -> None:
    failure = GateFinding(level=GateLevel.FAILURE, text="recommender: version 9 is not READY. Wait")
    refused = MergeGate(findings=(failure,), is_merge=True)
    assert gate.section(refused, is_stated=True) is None
    assert read(comment(with_gate(overdue(1), refused))).count("version 9 is not READY") == 1
    shown = gate.section(refused, is_stated=False)
    assert shown is not None
    assert len(shown.paragraphs) == 1, "where the banner says something else"
