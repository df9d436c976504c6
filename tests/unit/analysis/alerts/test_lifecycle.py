"""The life of an alert: new, a reminder after a day, escalation, recovery; each step once, whatever comes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowjoy.analysis.alerts.alert import Alert, AlertSnapshot, SentAlerts, WaitingReleases
from flowjoy.analysis.alerts.lifecycle import (
    MAX_JOINED,
    AlertStep,
    Notification,
    adopted,
    due_notifications,
    raised,
    sent_alerts,
)
from flowjoy.domain import AlertState, Status
from flowjoy.domain.alerts import AlertKind
from tests.builders import an_obligation, at

HOME = "acme/shop/shop"
KEY = f"{HOME}/breach/recommender"
A, B, C = (an_obligation(hours).code_id for hours in range(3))


def an_alert(kind: AlertKind = AlertKind.BREACH, subject: str = "recommender", **changes: object) -> Alert:
    given = {"began": at(0), **changes}
    return Alert(kind=kind, subject=subject, key=f"{HOME}/{kind}/{subject}", **given)  # type: ignore[arg-type]  # builder


def waits(*hours: int, kind: AlertKind = AlertKind.BREACH) -> Alert:
    """The alert of the releases of these hours, which wait for one model."""
    items = tuple(an_obligation(hour, status=Status.BREACHED) for hour in hours)
    return an_alert(kind, about=WaitingReleases(model="recommender", items=items))


def firing(*alerts: Alert) -> AlertSnapshot:
    return AlertSnapshot(firing=alerts)


def resolved(*alerts: Alert) -> AlertSnapshot:
    return AlertSnapshot(resolved={alert.key: alert for alert in alerts})


def sent(step: AlertStep, hours: float = 0, key: str = KEY, releases: Iterable[str] = (), **changes: str) -> AlertState:
    return AlertState(key=key, step=step, at=at(hours), releases=tuple(releases), **changes)


def steps(notices: tuple[Notification, ...]) -> list[AlertStep]:
    return [notice.step for notice in notices]


def test_new__is_due_for_an_alert_that_was_not_sent() -> None:
    assert steps(due_notifications(firing(an_alert()), (), at(1))) == [AlertStep.NEW]


def test_new__is_sent_once() -> None:
    assert due_notifications(firing(an_alert()), [sent(AlertStep.NEW)], at(1)) == ()


def test_new__is_not_sent_of_what_is_older_than_alerts() -> None:
    assert due_notifications(firing(an_alert(old=True)), (), at(1)) == ()
    assert due_notifications(firing(an_alert(old=True)), [sent(AlertStep.NEW)], at(100)) == ()


def test_new__names_every_release_that_waits() -> None:
    (notice,) = due_notifications(firing(waits(0, 1)), (), at(60))
    assert (notice.step, notice.joined) == (AlertStep.NEW, (A, B))


def test_update__names_the_releases_that_join_each_once() -> None:
    states = [sent(AlertStep.NEW, releases=[A], ref="C1/1.0")]
    (notice,) = due_notifications(firing(waits(0, 1, 2)), states, at(1))
    assert (notice.step, notice.joined, notice.ref) == (AlertStep.UPDATE, (B, C), "C1/1.0")
    states.append(sent(AlertStep.UPDATE, 1, releases=[B, C]))
    assert due_notifications(firing(waits(0, 1, 2)), states, at(2)) == ()


def test_update__is_not_sent_where_it_is_unknown_what_was_named() -> None:
    assert due_notifications(firing(waits(0, 1)), [sent(AlertStep.NEW)], at(1)) == ()


def test_update__of_very_many_releases_leaves_some_to_the_next_run() -> None:
    (first,) = due_notifications(firing(waits(*range(MAX_JOINED + 5))), (), at(1))
    assert len(first.joined) == MAX_JOINED
    (second,) = due_notifications(
        firing(waits(*range(MAX_JOINED + 5))), [sent(AlertStep.NEW, releases=first.joined)], at(2)
    )
    assert (second.step, len(second.joined)) == (AlertStep.UPDATE, 5)


def test_waiver__is_sent_once_and_its_release_is_named_anew_when_it_ran_out() -> None:
    states = [sent(AlertStep.NEW, releases=[A])]
    excused = AlertSnapshot(excused={KEY: waits(0)})
    (notice,) = due_notifications(excused, states, at(1))
    assert (notice.step, notice.joined) == (AlertStep.WAIVER, (A,))
    states.append(sent(AlertStep.WAIVER, 1, releases=[A]))
    assert due_notifications(excused, states, at(2)) == ()
    (again,) = due_notifications(firing(waits(0)), states, at(3))
    assert (again.step, again.joined) == (AlertStep.UPDATE, (A,))
    states.append(sent(AlertStep.UPDATE, 3, releases=[A]))
    assert steps(due_notifications(excused, states, at(4))) == [AlertStep.WAIVER]


def test_waiver__of_what_was_not_sent_is_not_sent() -> None:
    assert due_notifications(AlertSnapshot(excused={KEY: waits(0)}), (), at(1)) == ()


@pytest.mark.parametrize(("seconds", "expected"), [(-1, []), (0, [AlertStep.REMINDER]), (1, [AlertStep.REMINDER])])
def test_reminder__comes_24_hours_after_the_first_message(seconds: int, expected: list[AlertStep]) -> None:
    assert steps(due_notifications(firing(an_alert()), [sent(AlertStep.NEW)], at(24, seconds=seconds))) == expected


def test_reminder__comes_once_however_long_it_lasts() -> None:
    assert due_notifications(firing(an_alert()), [sent(AlertStep.NEW), sent(AlertStep.REMINDER, 24)], at(500)) == ()


def test_reminder__comes_also_of_what_began_long_ago() -> None:
    assert steps(due_notifications(firing(an_alert(began=at(-900))), [sent(AlertStep.NEW)], at(24))) == [
        AlertStep.REMINDER
    ]


def test_escalation__comes_at_once_and_instead_of_a_reminder() -> None:
    alert = an_alert(AlertKind.DIVERGENCE, "2024-06-10", escalated=True)
    assert steps(due_notifications(firing(alert), [sent(AlertStep.NEW, key=alert.key)], at(168))) == [
        AlertStep.ESCALATION
    ]


def test_escalation__comes_whether_or_not_the_first_was_sent() -> None:
    alert = an_alert(AlertKind.DIVERGENCE, "2024-06-10", escalated=True)
    assert steps(due_notifications(firing(alert), (), at(1))) == [AlertStep.ESCALATION]
    assert steps(due_notifications(firing(alert), [sent(AlertStep.ESCALATION, 1, alert.key)], at(2))) == []


def test_recovery__is_sent_once_for_an_alert_that_was_sent() -> None:
    assert steps(due_notifications(resolved(an_alert()), [sent(AlertStep.NEW)], at(1))) == [AlertStep.RECOVERY]
    assert due_notifications(resolved(an_alert()), [sent(AlertStep.NEW), sent(AlertStep.RECOVERY, 1)], at(2)) == ()


def test_recovery__is_not_sent_for_an_alert_that_was_not_sent() -> None:
    assert due_notifications(resolved(an_alert()), (), at(1)) == ()


def test_recovery__is_not_sent_while_an_alert_stays() -> None:
    assert due_notifications(AlertSnapshot(), [sent(AlertStep.NEW)], at(100)) == ()


def test_recovery__replies_to_the_first_message() -> None:
    first = sent(AlertStep.NEW, ref="C1/1.0")
    (notice,) = due_notifications(resolved(an_alert()), [sent(AlertStep.REMINDER, 24, ref="C1/1.0"), first], at(30))
    assert notice.ref == "C1/1.0"


def test_recovery__of_what_another_alert_says_more_of_is_quiet() -> None:
    (notice,) = due_notifications(
        resolved(an_alert(AlertKind.AT_RISK, superseded=True)),
        [sent(AlertStep.NEW, key=f"{HOME}/at-risk/recommender")],
        at(1),
    )
    assert (notice.step, notice.silent) == (AlertStep.RECOVERY, True)


@pytest.mark.parametrize("kind", [AlertKind.DIVERGENCE, AlertKind.MTTR_SPIKE])
def test_week__that_was_over_is_not_sent_again(kind: AlertKind) -> None:
    alert = an_alert(kind, "2024-06-10")
    assert (
        due_notifications(
            firing(alert), [sent(AlertStep.NEW, 0, alert.key), sent(AlertStep.RECOVERY, 1, alert.key)], at(2)
        )
        == ()
    )


@pytest.mark.parametrize("kind", [AlertKind.BREACH, AlertKind.AT_RISK, AlertKind.DRIFT])
def test_model__that_was_over_may_fire_again(kind: AlertKind) -> None:
    alert = an_alert(kind, "recommender", began=at(50))
    once = [sent(AlertStep.NEW, 0, alert.key), sent(AlertStep.RECOVERY, 10, alert.key)]
    assert steps(due_notifications(firing(alert), once, at(50))) == [AlertStep.NEW]
    again = [*once, sent(AlertStep.NEW, 50, alert.key)]
    assert due_notifications(firing(alert), again, at(51)) == ()
    assert steps(due_notifications(resolved(alert), again, at(60))) == [AlertStep.RECOVERY]
    assert due_notifications(resolved(alert), [*again, sent(AlertStep.RECOVERY, 60, alert.key)], at(61)) == ()


def test_sent_alerts__run_until_every_destination_was_sent_the_end() -> None:
    here, there = sent(AlertStep.NEW, sink="slack"), sent(AlertStep.NEW, sink="pagerduty")
    ended = sent(AlertStep.RECOVERY, 1, sink="slack")
    assert sent_alerts([here, there, ended]) == SentAlerts(running={KEY: frozenset()})
    assert sent_alerts([here, ended]) == SentAlerts(ended=frozenset({KEY}))


def test_sent_alerts__name_the_releases_that_any_destination_was_sent() -> None:
    states = [
        sent(AlertStep.NEW, sink="slack", releases=[A]),
        sent(AlertStep.UPDATE, 1, sink="pagerduty", releases=[B]),
    ]
    assert sent_alerts(states) == SentAlerts(running={KEY: frozenset({A, B})})


OLD = "shop/breach/deployment:{}/team/recommender"


def old(step: AlertStep, hours: float = 0, number: int = 1, sink: str = "pagerduty") -> AlertState:
    return AlertState(key=OLD.format(number), step=step, at=at(hours), sink=sink)


def adopt(*states: AlertState) -> tuple[AlertState, ...]:
    return adopted(states, repository="acme/shop", service="shop")


def test_old_key__of_a_release_becomes_that_of_its_model() -> None:
    (state,) = adopt(old(AlertStep.NEW))
    assert (state.key, state.releases) == (f"{HOME}/breach/team/recommender", ("deployment:1",))
    assert state.sent_as == OLD.format(1)
    assert adopt(state) == (state,)


def test_old_key__that_ended_for_one_release_does_not_end_the_alert_of_the_model() -> None:
    states = adopt(old(AlertStep.NEW), old(AlertStep.NEW, 1, 2), old(AlertStep.RECOVERY, 2), old(AlertStep.NEW, 1, 3))
    assert {state.sent_as for state in states} == {OLD.format(2), OLD.format(3)}
    (running,) = sent_alerts(states).running.values()
    assert running == {"deployment:2", "deployment:3"}


def test_old_key__is_ended_together_with_the_key_of_today() -> None:
    states = adopt(old(AlertStep.NEW), old(AlertStep.NEW, 1, 2))
    (notice,) = due_notifications(resolved(an_alert(subject="team/recommender")), states, at(3))
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


def test_sent_alerts__ignore_unknown_steps() -> None:
    assert sent_alerts([AlertState(key="shop/change/deployment:1", step="change", at=at(0))]) == SentAlerts()


def test_raised__are_the_keys_that_one_destination_was_sent_now() -> None:
    states = [
        sent(AlertStep.NEW, 5),
        sent(AlertStep.NEW, 4, "a"),
        sent(AlertStep.RECOVERY, 5, "b"),
        sent(AlertStep.NEW, 5, "c", sink="slack"),
    ]
    assert raised([*states, sent(AlertStep.ESCALATION, 5, "d")], "", at(5)) == (KEY, "d")


@given(
    st.lists(
        st.tuples(st.sampled_from(["fires", "is resolved", "is neither"]), st.booleans(), st.integers(1, 60)),
        max_size=12,
    )
)
def test_life__has_each_step_at_most_once_and_an_end_only_after_a_beginning(days: list[tuple[str, bool, int]]) -> None:
    """Any history of one week that diverges, looked at by runs at any distance."""
    states: list[AlertState] = []
    now = at(0)
    for what, escalated, hours in days:
        now += timedelta(hours=hours)
        alert = an_alert(AlertKind.DIVERGENCE, "2024-06-10", began=now, escalated=escalated)
        alerts = {"fires": firing(alert), "is resolved": resolved(alert), "is neither": AlertSnapshot()}[what]
        notices = due_notifications(alerts, states, now)
        assert len(notices) <= 1
        states += [AlertState(key=notice.alert.key, step=notice.step, at=now) for notice in notices]
        assert due_notifications(alerts, states, now) == ()
    had = [state.step for state in states]
    assert len(set(had)) == len(had)
    assert AlertStep.RECOVERY not in had[:1]
    assert had.index(AlertStep.RECOVERY) == len(had) - 1 if AlertStep.RECOVERY in had else True
