"""The life of an alarm: new, a reminder after a day, escalation, recovery; each step once, whatever comes."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowjoy.analysis.alarms import Alarm, AlarmKind, Scene, Told
from flowjoy.analysis.notices import Notice, Step, due, keys_told, raised
from flowjoy.model import AlertState
from tests.builders import at

KEY = "shop/breach/deployment:1/recommender"


def an_alarm(kind: AlarmKind = AlarmKind.BREACH, subject: str = "deployment:1/recommender", **changes: object) -> Alarm:
    given = {"began": at(0), **changes}
    return Alarm(kind=kind, subject=subject, key=f"shop/{kind}/{subject}", **given)  # type: ignore[arg-type]  # builder


def ringing(*alarms: Alarm) -> Scene:
    return Scene(ringing=alarms)


def over(*alarms: Alarm) -> Scene:
    return Scene(over={alarm.key: alarm for alarm in alarms})


def told(step: Step, hours: float = 0, key: str = KEY, **changes: str) -> AlertState:
    return AlertState(key=key, step=step, at=at(hours), **changes)


def steps(notices: tuple[Notice, ...]) -> list[Step]:
    return [notice.step for notice in notices]


def test_new__is_told_of_what_nobody_was_told_of() -> None:
    assert steps(due(ringing(an_alarm()), (), at(1))) == [Step.NEW]


def test_new__is_told_once() -> None:
    assert due(ringing(an_alarm()), [told(Step.NEW)], at(1)) == ()


@pytest.mark.parametrize(("seconds", "expected"), [(-1, [Step.NEW]), (0, [Step.NEW]), (1, [])])
def test_new__is_not_told_of_what_began_more_than_14_days_ago(seconds: int, expected: list[Step]) -> None:
    assert steps(due(ringing(an_alarm()), (), at(14 * 24, seconds=seconds))) == expected


@pytest.mark.parametrize(("seconds", "expected"), [(-1, []), (0, [Step.REMINDER]), (1, [Step.REMINDER])])
def test_reminder__comes_24_hours_after_the_first_telling(seconds: int, expected: list[Step]) -> None:
    assert steps(due(ringing(an_alarm()), [told(Step.NEW)], at(24, seconds=seconds))) == expected


def test_reminder__comes_once_however_long_it_lasts() -> None:
    assert due(ringing(an_alarm()), [told(Step.NEW), told(Step.REMINDER, 24)], at(500)) == ()


def test_reminder__comes_also_of_what_began_long_ago() -> None:
    assert steps(due(ringing(an_alarm(began=at(-900))), [told(Step.NEW)], at(24))) == [Step.REMINDER]


def test_escalation__comes_at_once_and_instead_of_a_reminder() -> None:
    alarm = an_alarm(AlarmKind.DIVERGENCE, "2024-06-10", escalated=True)
    assert steps(due(ringing(alarm), [told(Step.NEW, key=alarm.key)], at(168))) == [Step.ESCALATION]


def test_escalation__comes_whether_or_not_the_first_was_told() -> None:
    alarm = an_alarm(AlarmKind.DIVERGENCE, "2024-06-10", escalated=True)
    assert steps(due(ringing(alarm), (), at(1))) == [Step.ESCALATION]
    assert steps(due(ringing(alarm), [told(Step.ESCALATION, 1, alarm.key)], at(2))) == []


def test_recovery__is_told_of_what_was_told_and_once() -> None:
    assert steps(due(over(an_alarm()), [told(Step.NEW)], at(1))) == [Step.RECOVERY]
    assert due(over(an_alarm()), [told(Step.NEW), told(Step.RECOVERY, 1)], at(2)) == ()


def test_recovery__is_not_told_of_what_nobody_was_told_of() -> None:
    assert due(over(an_alarm()), (), at(1)) == ()


def test_recovery__is_not_told_of_what_is_held() -> None:
    assert due(Scene(), [told(Step.NEW)], at(100)) == ()


def test_recovery__answers_where_the_first_telling_stands() -> None:
    first = told(Step.NEW, ref="C1/1.0")
    (notice,) = due(over(an_alarm()), [told(Step.REMINDER, 24, ref="C1/1.0"), first], at(30))
    assert notice.ref == "C1/1.0"


def test_recovery__of_what_another_alarm_says_more_of_is_quiet() -> None:
    (notice,) = due(
        over(an_alarm(AlarmKind.AT_RISK, superseded=True)), [told(Step.NEW, key=f"shop/at-risk/{KEY[12:]}")], at(1)
    )
    assert (notice.step, notice.quiet) == (Step.RECOVERY, True)


def test_occurrence__that_was_over_is_not_told_again() -> None:
    assert due(ringing(an_alarm()), [told(Step.NEW), told(Step.RECOVERY, 1)], at(2)) == ()


def test_drift__that_was_over_may_come_again_because_its_key_names_a_model() -> None:
    alarm = an_alarm(AlarmKind.DRIFT, "recommender", began=at(50))
    once = [told(Step.NEW, 0, alarm.key), told(Step.RECOVERY, 10, alarm.key)]
    assert steps(due(ringing(alarm), once, at(50))) == [Step.NEW]
    again = [*once, told(Step.NEW, 50, alarm.key)]
    assert due(ringing(alarm), again, at(51)) == ()
    assert steps(due(over(alarm), again, at(60))) == [Step.RECOVERY]
    assert due(over(alarm), [*again, told(Step.RECOVERY, 60, alarm.key)], at(61)) == ()


def test_keys_told__are_those_that_anybody_still_waits_to_hear_the_end_of() -> None:
    here, there = told(Step.NEW, sink="slack"), told(Step.NEW, sink="pagerduty")
    ended = told(Step.RECOVERY, 1, sink="slack")
    assert keys_told([here, there, ended]) == Told(running=frozenset({KEY}))
    assert keys_told([here, ended]) == Told(ended=frozenset({KEY}))


def test_keys_told__leave_aside_what_is_no_step() -> None:
    assert keys_told([AlertState(key="shop/change/deployment:1", step="change", at=at(0))]) == Told()


def test_raised__are_the_keys_that_one_destination_was_told_of_now() -> None:
    states = [
        told(Step.NEW, 5),
        told(Step.NEW, 4, "a"),
        told(Step.RECOVERY, 5, "b"),
        told(Step.NEW, 5, "c", sink="slack"),
    ]
    assert raised([*states, told(Step.ESCALATION, 5, "d")], "", at(5)) == (KEY, "d")


@given(
    st.lists(
        st.tuples(st.sampled_from(["rings", "is over", "is held"]), st.booleans(), st.integers(1, 60)), max_size=12
    )
)
def test_life__has_each_step_at_most_once_and_an_end_only_after_a_beginning(days: list[tuple[str, bool, int]]) -> None:
    """Any history of one week that diverges, looked at by runs at any distance."""
    states: list[AlertState] = []
    now = at(0)
    for what, escalated, hours in days:
        now += timedelta(hours=hours)
        alarm = an_alarm(AlarmKind.DIVERGENCE, "2024-06-10", began=now, escalated=escalated)
        scene = {"rings": ringing(alarm), "is over": over(alarm), "is held": Scene()}[what]
        notices = due(scene, states, now)
        assert len(notices) <= 1
        states += [AlertState(key=notice.alarm.key, step=notice.step, at=now) for notice in notices]
        assert due(scene, states, now) == ()
    had = [state.step for state in states]
    assert len(set(had)) == len(had)
    assert Step.RECOVERY not in had[:1]
    assert had.index(Step.RECOVERY) == len(had) - 1 if Step.RECOVERY in had else True
