"""The life of an alarm: new, a reminder after a day, escalation, recovery; each step once, whatever comes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowjoy.analysis.alerts.alert import Alarm, AlarmKind, Scene, Told, Waiting
from flowjoy.analysis.alerts.lifecycle import MOST_JOINED, Notice, Step, adopted, due, keys_told, raised
from flowjoy.domain import AlertState, Status
from tests.builders import an_obligation, at

HOME = "acme/shop/shop"
KEY = f"{HOME}/breach/recommender"
A, B, C = (an_obligation(hours).code_id for hours in range(3))


def an_alarm(kind: AlarmKind = AlarmKind.BREACH, subject: str = "recommender", **changes: object) -> Alarm:
    given = {"began": at(0), **changes}
    return Alarm(kind=kind, subject=subject, key=f"{HOME}/{kind}/{subject}", **given)  # type: ignore[arg-type]  # builder


def waits(*hours: int, kind: AlarmKind = AlarmKind.BREACH) -> Alarm:
    """The alert of the releases of these hours, which wait for one model."""
    items = tuple(an_obligation(hour, status=Status.BREACHED) for hour in hours)
    return an_alarm(kind, about=Waiting(model="recommender", items=items))


def ringing(*alarms: Alarm) -> Scene:
    return Scene(ringing=alarms)


def over(*alarms: Alarm) -> Scene:
    return Scene(over={alarm.key: alarm for alarm in alarms})


def told(step: Step, hours: float = 0, key: str = KEY, releases: Iterable[str] = (), **changes: str) -> AlertState:
    return AlertState(key=key, step=step, at=at(hours), releases=tuple(releases), **changes)


def steps(notices: tuple[Notice, ...]) -> list[Step]:
    return [notice.step for notice in notices]


def test_new__is_told_of_what_nobody_was_told_of() -> None:
    assert steps(due(ringing(an_alarm()), (), at(1))) == [Step.NEW]


def test_new__is_told_once() -> None:
    assert due(ringing(an_alarm()), [told(Step.NEW)], at(1)) == ()


def test_new__is_not_sent_of_what_is_older_than_alerts() -> None:
    assert due(ringing(an_alarm(old=True)), (), at(1)) == ()
    assert due(ringing(an_alarm(old=True)), [told(Step.NEW)], at(100)) == ()


def test_new__names_every_release_that_waits() -> None:
    (notice,) = due(ringing(waits(0, 1)), (), at(60))
    assert (notice.step, notice.joined) == (Step.NEW, (A, B))


def test_update__names_the_releases_that_join_each_once() -> None:
    states = [told(Step.NEW, releases=[A], ref="C1/1.0")]
    (notice,) = due(ringing(waits(0, 1, 2)), states, at(1))
    assert (notice.step, notice.joined, notice.ref) == (Step.UPDATE, (B, C), "C1/1.0")
    states.append(told(Step.UPDATE, 1, releases=[B, C]))
    assert due(ringing(waits(0, 1, 2)), states, at(2)) == ()


def test_update__is_not_sent_where_it_is_unknown_what_was_named() -> None:
    assert due(ringing(waits(0, 1)), [told(Step.NEW)], at(1)) == ()


def test_update__of_very_many_releases_leaves_some_to_the_next_run() -> None:
    (first,) = due(ringing(waits(*range(MOST_JOINED + 5))), (), at(1))
    assert len(first.joined) == MOST_JOINED
    (second,) = due(ringing(waits(*range(MOST_JOINED + 5))), [told(Step.NEW, releases=first.joined)], at(2))
    assert (second.step, len(second.joined)) == (Step.UPDATE, 5)


def test_waiver__is_sent_once_and_its_release_is_named_anew_when_it_ran_out() -> None:
    states = [told(Step.NEW, releases=[A])]
    excused = Scene(excused={KEY: waits(0)})
    (notice,) = due(excused, states, at(1))
    assert (notice.step, notice.joined) == (Step.WAIVER, (A,))
    states.append(told(Step.WAIVER, 1, releases=[A]))
    assert due(excused, states, at(2)) == ()
    (again,) = due(ringing(waits(0)), states, at(3))
    assert (again.step, again.joined) == (Step.UPDATE, (A,))
    states.append(told(Step.UPDATE, 3, releases=[A]))
    assert steps(due(excused, states, at(4))) == [Step.WAIVER]


def test_waiver__of_what_was_not_sent_is_not_sent() -> None:
    assert due(Scene(excused={KEY: waits(0)}), (), at(1)) == ()


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
        over(an_alarm(AlarmKind.AT_RISK, superseded=True)), [told(Step.NEW, key=f"{HOME}/at-risk/recommender")], at(1)
    )
    assert (notice.step, notice.quiet) == (Step.RECOVERY, True)


@pytest.mark.parametrize("kind", [AlarmKind.DIVERGENCE, AlarmKind.MTTR_SPIKE])
def test_week__that_was_over_is_not_sent_again(kind: AlarmKind) -> None:
    alarm = an_alarm(kind, "2024-06-10")
    assert due(ringing(alarm), [told(Step.NEW, 0, alarm.key), told(Step.RECOVERY, 1, alarm.key)], at(2)) == ()


@pytest.mark.parametrize("kind", [AlarmKind.BREACH, AlarmKind.AT_RISK, AlarmKind.DRIFT])
def test_model__that_was_over_may_fire_again(kind: AlarmKind) -> None:
    alarm = an_alarm(kind, "recommender", began=at(50))
    once = [told(Step.NEW, 0, alarm.key), told(Step.RECOVERY, 10, alarm.key)]
    assert steps(due(ringing(alarm), once, at(50))) == [Step.NEW]
    again = [*once, told(Step.NEW, 50, alarm.key)]
    assert due(ringing(alarm), again, at(51)) == ()
    assert steps(due(over(alarm), again, at(60))) == [Step.RECOVERY]
    assert due(over(alarm), [*again, told(Step.RECOVERY, 60, alarm.key)], at(61)) == ()


def test_keys_told__are_those_that_anybody_still_waits_to_hear_the_end_of() -> None:
    here, there = told(Step.NEW, sink="slack"), told(Step.NEW, sink="pagerduty")
    ended = told(Step.RECOVERY, 1, sink="slack")
    assert keys_told([here, there, ended]) == Told(running={KEY: frozenset()})
    assert keys_told([here, ended]) == Told(ended=frozenset({KEY}))


def test_keys_told__hold_the_releases_that_any_destination_was_sent() -> None:
    states = [told(Step.NEW, sink="slack", releases=[A]), told(Step.UPDATE, 1, sink="pagerduty", releases=[B])]
    assert keys_told(states) == Told(running={KEY: frozenset({A, B})})


OLD = "shop/breach/deployment:{}/team/recommender"


def old(step: Step, hours: float = 0, number: int = 1, sink: str = "pagerduty") -> AlertState:
    return AlertState(key=OLD.format(number), step=step, at=at(hours), sink=sink)


def adopt(*states: AlertState) -> tuple[AlertState, ...]:
    return adopted(states, repository="acme/shop", service="shop")


def test_old_key__of_a_release_becomes_that_of_its_model() -> None:
    (state,) = adopt(old(Step.NEW))
    assert (state.key, state.releases) == (f"{HOME}/breach/team/recommender", ("deployment:1",))
    assert state.sent_as == OLD.format(1)
    assert adopt(state) == (state,)


def test_old_key__that_ended_for_one_release_does_not_end_the_alert_of_the_model() -> None:
    states = adopt(old(Step.NEW), old(Step.NEW, 1, 2), old(Step.RECOVERY, 2), old(Step.NEW, 1, 3))
    assert {state.sent_as for state in states} == {OLD.format(2), OLD.format(3)}
    (running,) = keys_told(states).running.values()
    assert running == {"deployment:2", "deployment:3"}


def test_old_key__is_ended_together_with_the_key_of_today() -> None:
    states = adopt(old(Step.NEW), old(Step.NEW, 1, 2))
    (notice,) = due(over(an_alarm(subject="team/recommender")), states, at(3))
    assert notice.sent_as == (OLD.format(1), OLD.format(2))


@pytest.mark.parametrize(
    "key", ["shop/change/deployment:1", "shop/change/", "other/breach/deployment:1/recommender", KEY, "shop/breach/x"]
)
def test_old_key__that_is_none_stays(key: str) -> None:
    state = AlertState(key=key, step="new", at=at(0))
    assert adopt(state) == (state,)


def test_old_key__of_a_week_and_of_a_file() -> None:
    week, file = adopt(
        AlertState(key="shop/divergence/2024-06-10", step="new", at=at(0)),
        AlertState(key="shop/breach/file:code:a/b:2024-06-03T09:00:00Z/recommender", step="new", at=at(0)),
    )
    assert (week.key, week.releases) == (f"{HOME}/divergence/2024-06-10", ())
    assert (file.key, file.releases) == (KEY, ("file:code:a/b:2024-06-03T09:00:00Z",))


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
