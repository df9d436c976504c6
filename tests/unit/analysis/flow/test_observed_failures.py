"""Failures without an incident: what marks a deploy, how long it took, and where nothing is known."""

from __future__ import annotations

from collections.abc import Sequence

from flowjoy.analysis import timeline
from flowjoy.analysis.flow.dora import Dora, DoraFigure
from flowjoy.analysis.flow.observed_failures import ObservedFailure, Sign, observed_failures, with_observed
from flowjoy.analysis.flow.weeks import window_of
from flowjoy.domain import CodeRecord, EventType, ModelRecord, Precision
from flowjoy.domain.corrections import Correction, CorrectionKind
from tests.builders import SERVICE, a_deploy, a_provisional_deploy, a_ship, at

WEEK = 7 * 24
NOW = at(3 * WEEK)
WINDOW = window_of(NOW, weeks=4, timezone="UTC")
NONE = (DoraFigure(), DoraFigure(), DoraFigure())
Figures = tuple[DoraFigure, DoraFigure, DoraFigure]


def failed(
    code: Sequence[CodeRecord] = (), models: Sequence[ModelRecord] = (), corrections: Sequence[Correction] = ()
) -> tuple[ObservedFailure, ...]:
    return observed_failures(timeline.timeline(code, models, service=SERVICE, until=NOW), corrections)


def figures(
    code: Sequence[CodeRecord] = (),
    models: Sequence[ModelRecord] = (),
    corrections: Sequence[Correction] = (),
    known: Sequence[EventType] = tuple(EventType),
) -> dict[str, Figures]:
    events = timeline.timeline(code, models, service=SERVICE, until=NOW)
    blank = [Dora(kind=kind) for kind in ("CODE", "MODEL", "both")]
    result = with_observed(blank, events, observed_failures(events, corrections), WINDOW, known=known)
    return {
        item.kind: (item.observed_fail_rate, item.observed_recovery_hours, item.observed_rework_rate) for item in result
    }


def a_revert(deployed: str, failed: str) -> Correction:
    return Correction(kind=CorrectionKind.REVERT, deployed=deployed, commit="c" * 40, failed=failed)


def a_hotfix(deployed: str) -> Correction:
    return Correction(kind=CorrectionKind.HOTFIX, deployed=deployed, commit="c" * 40, pull_request=7)


def test_rollback__marks_the_deploy_that_was_live() -> None:
    code = [a_deploy(0, "a"), a_deploy(10, "b"), a_deploy(13, "a")]
    (failure,) = failed(code)
    assert (failure.id, failure.hours, failure.low_hours) == (code[1].id, 3.0, 3.0)
    assert [(sign.sign, sign.event) for sign in failure.evidence] == [(Sign.ROLLBACK, code[2].id)]
    assert figures(code)["CODE"] == (
        DoraFigure(value=0.5, n=2),
        DoraFigure(value=3.0, n=1),
        DoraFigure(value=0.5, n=2),
    )


def test_redeploy_and_roll_forward__mark_none() -> None:
    code = [a_deploy(0, "a"), a_deploy(1, "a"), a_deploy(10, "b")]
    assert failed(code) == ()
    assert figures(code)["CODE"] == (DoraFigure(value=0.0, n=2), DoraFigure(), DoraFigure(value=0.0, n=2))


def test_deploy__that_comes_back_after_its_rollback_can_fail_again() -> None:
    code = [a_deploy(0, "a"), a_deploy(10, "b"), a_deploy(13, "a"), a_deploy(20, "b"), a_deploy(25, "a")]
    assert [(item.id, item.hours) for item in failed(code)] == [(code[1].id, 3.0), (code[3].id, 5.0)]


def test_model__moved_back_marks_the_ship_that_was_live_and_no_other_model() -> None:
    models = [
        a_ship(0, "1"),
        a_ship(5, "2"),
        a_ship(6, "1", model="ranker"),
        a_ship(9, "1", id="back"),
    ]
    (failure,) = failed(models=models)
    assert (failure.id, failure.type, failure.hours) == (models[1].id, EventType.MODEL, 4.0)
    assert failure.evidence[0].sign is Sign.MOVED_BACK
    assert figures(models=models)["MODEL"][0] == DoraFigure(value=1 / 3, n=3)


def test_model__seen_moving_back_recovered_after_at_most_the_time_between_the_looks() -> None:
    seen = {"precision": Precision.OBSERVED}
    models = [
        a_ship(0, "1", **seen, not_before=at(-1)),
        a_ship(10, "2", **seen, not_before=at(8)),
        a_ship(14, "1", id="back", **seen, not_before=at(12)),
    ]
    (failure,) = failed(models=models)
    assert round(failure.low_hours, 3) == 2.0
    assert round(failure.hours, 3) == 6.0
    recovery = figures(models=models)["MODEL"][1]
    assert (recovery.at_most, recovery.n) == (True, 1)


def test_version__that_was_live_before_the_first_look_is_no_known_ship_and_cannot_fail() -> None:
    seen = {"precision": Precision.OBSERVED}
    models = [
        a_ship(0, "1", **seen),
        a_ship(3, "2", maybe_live_before=True, **seen),
        a_ship(9, "1", id="back", **seen),
    ]
    assert failed(models=models) == ()


def test_revert__marks_the_deploy_of_the_reverted_commit_and_not_the_one_before_it() -> None:
    code = [a_deploy(0, "a"), a_deploy(4, "b"), a_deploy(6, "c"), a_deploy(9, "d")]
    (failure,) = failed(code, corrections=[a_revert("d", "b")])
    assert (failure.id, failure.hours) == (code[1].id, 5.0)
    assert failure.evidence[0].event == code[3].id


def test_hotfix__marks_the_deploy_before_it_also_after_a_rollback() -> None:
    code = [a_deploy(0, "a"), a_deploy(4, "b"), a_deploy(5, "a"), a_deploy(9, "c")]
    (failure,) = failed(code, corrections=[a_hotfix("c")])
    assert [sign.sign for sign in failure.evidence] == [Sign.ROLLBACK, Sign.HOTFIX]
    assert (failure.id, failure.hours) == (code[1].id, 1.0)  # it recovered when it was first replaced
    assert figures(code, corrections=[a_hotfix("c")])["CODE"][2] == DoraFigure(value=2 / 3, n=3)


def test_correction__by_or_of_an_unknown_deploy_marks_none() -> None:
    code = [a_deploy(0, "a"), a_deploy(4, "b")]
    assert failed(code, corrections=[a_revert("z", "a"), a_revert("b", "z"), a_hotfix("z"), a_hotfix("a")]) == ()
    assert failed(code, corrections=[a_revert("a", "b")]) == ()  # the revert went live before


def test_release__of_this_run_is_no_evidence_yet() -> None:
    code = [a_deploy(0, "a"), a_deploy(4, "b"), a_provisional_deploy(6, sha="a")]
    assert failed(code) == ()


def test_figures__of_a_type_that_was_not_read_and_of_no_deploy_are_no_data() -> None:
    code = [a_deploy(0, "a"), a_deploy(10, "b"), a_deploy(13, "a")]
    unread = figures(code, known=[EventType.MODEL])
    assert (unread["CODE"], unread["MODEL"], unread["both"]) == (NONE, NONE, NONE)
    assert figures([])["both"] == NONE


def test_failure__before_the_window_counts_in_no_rate() -> None:
    code = [a_deploy(-200, "a"), a_deploy(-100, "b"), a_deploy(1, "a"), a_deploy(9, "c")]
    assert figures(code)["CODE"] == (DoraFigure(value=0.0, n=1), DoraFigure(), DoraFigure(value=1.0, n=1))
