"""Alerts that fire, and alerts that are resolved. Missing data neither resolves an alert nor makes one fire."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from flowjoy.analysis.alerts.alert import Alert, AlertInputs, AlertSnapshot, SentAlerts, WaitingReleases
from flowjoy.analysis.alerts.conditions import snapshot
from flowjoy.analysis.flow.divergence_and_spikes import spikes_of
from flowjoy.domain import Status, Waiver, Week
from flowjoy.domain.drift import DriftCheck, DriftStatus
from tests.builders import an_obligation, at

MONDAY = date(2024, 6, 3)
NOW = datetime(2024, 6, 25, 9, tzinfo=UTC)


def a_week(index: int, *, code: int = 8, model: int = 8, mttr: float | None = 1.0, **changes: Any) -> Week:
    """The week `place` weeks after Jun 03; it diverges by the rule."""
    gap = code - model
    return Week(
        week=MONDAY + timedelta(weeks=index),
        code_deploys=code,
        model_deploys=model,
        gap=gap,
        incidents=changes.pop("incidents", 1),
        resolved=0 if mttr is None else 1,
        mttr_hours=mttr,
        mttr_median_hours=mttr,
        mttr_p90_hours=mttr,
        partial=changes.pop("partial", False),
        diverges=changes.pop("diverges", gap > code / 2),
    )


RUNNING = a_week(3, code=9, model=0, partial=True, diverges=False)


HOME = "acme/shop/shop"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def seen(
    inputs: AlertInputs,
    reported: Iterable[str] = (),
    ended: Iterable[str] = (),
    releases: Iterable[str] = (),
    **changes: Any,
) -> AlertSnapshot:
    given = {"home": HOME, "since": LONG_AGO, "as_of": NOW, "timezone": "UTC", **changes}
    running = {key: frozenset(releases) for key in reported}
    return snapshot(inputs, sent=SentAlerts(running=running, ended=frozenset(ended)), **given)


def keys(result: AlertSnapshot) -> list[str]:
    return [alert.key for alert in result.firing]


def of_weeks(*weeks: Week) -> AlertInputs:
    shown = (*weeks, RUNNING)
    return AlertInputs(history=shown, weeks=shown, spikes=spikes_of(shown, factor=2))


def test_divergence__of_the_last_complete_week_fires_under_its_monday() -> None:
    (alert,) = seen(of_weeks(a_week(0), a_week(1), a_week(2, model=3))).firing
    assert (alert.key, alert.escalated) == ("acme/shop/shop/divergence/2024-06-17", False)
    assert alert.began == datetime(2024, 6, 24, tzinfo=UTC)


def test_divergence__ends_with_the_week_in_its_own_zone() -> None:
    (alert,) = seen(of_weeks(a_week(2, model=3)), timezone="America/New_York").firing
    assert alert.began == datetime(2024, 6, 24, 4, tzinfo=UTC)


def test_divergence__of_an_earlier_week_only_does_not_ring() -> None:
    assert keys(seen(of_weeks(a_week(1, model=3), a_week(2)))) == []


def test_divergence__of_the_running_week_does_not_fire() -> None:
    assert keys(seen(of_weeks(a_week(2)))) == []


def test_divergence__for_the_second_week_running_escalates_the_first() -> None:
    (alert,) = seen(of_weeks(a_week(0), a_week(1, model=3), a_week(2, model=2))).firing
    assert (alert.subject, alert.escalated) == ("2024-06-10", True)
    assert isinstance(alert.about, Week)
    assert alert.about.gap == 6


def test_divergence__that_was_sent_under_a_later_monday_keeps_its_name() -> None:
    weeks = of_weeks(a_week(0, model=3), a_week(1, model=3), a_week(2, model=3))
    assert keys(seen(weeks, ["acme/shop/shop/divergence/2024-06-10"])) == ["acme/shop/shop/divergence/2024-06-10"]


def test_divergence__that_ended_once_is_not_sent_under_the_same_name() -> None:
    """A corrected history, or another percentage: what diverges then is a matter of its own."""
    weeks = of_weeks(a_week(0, model=3), a_week(1, model=3), a_week(2, model=3))
    assert keys(seen(weeks, ended=["acme/shop/shop/divergence/2024-06-03"])) == ["acme/shop/shop/divergence/2024-06-10"]


def test_divergence__is_over_when_a_complete_week_does_not_diverge() -> None:
    result = seen(of_weeks(a_week(1, model=3), a_week(2)), ["acme/shop/shop/divergence/2024-06-10"])
    assert [(alert.subject, alert.superseded) for alert in result.resolved.values()] == [("2024-06-10", False)]


def test_divergence__that_a_later_one_replaces_ends_silently() -> None:
    result = seen(of_weeks(a_week(0, model=3), a_week(1), a_week(2, model=3)), ["acme/shop/shop/divergence/2024-06-03"])
    assert keys(result) == ["acme/shop/shop/divergence/2024-06-17"]
    assert [alert.superseded for alert in result.resolved.values()] == [True]


def test_divergence__of_what_was_not_read_neither_fires_nor_is_resolved() -> None:
    reported = ["acme/shop/shop/divergence/2024-06-10"]
    for weeks in ([a_week(2, model=3)], [a_week(2)]):
        history = AlertInputs(history=weeks, cadence_is_known=False)
        assert seen(history, reported) == AlertSnapshot()


def test_spike__of_the_last_complete_week_fires_with_its_numbers() -> None:
    (alert,) = seen(of_weeks(a_week(0), a_week(1), a_week(2, mttr=4.5))).firing
    assert (alert.key, alert.about) == (
        "acme/shop/shop/mttr-spike/2024-06-17",
        spikes_of((a_week(0), a_week(1), a_week(2, mttr=4.5)), factor=2)[0],
    )


def test_spike__is_over_when_a_week_heals_as_usual_or_has_nothing_to_heal() -> None:
    reported = ["acme/shop/shop/mttr-spike/2024-06-10"]
    for last in (a_week(2), a_week(2, mttr=None, incidents=0)):
        assert list(seen(of_weeks(a_week(0), a_week(1, mttr=5), last), reported).resolved) == reported


def test_spike__stays_while_the_incidents_of_the_week_are_open_or_not_known() -> None:
    reported = ["acme/shop/shop/mttr-spike/2024-06-10"]
    weeks = (a_week(0), a_week(1, mttr=5), a_week(2, mttr=None, incidents=2))
    assert seen(of_weeks(*weeks), reported).resolved == {}
    inputs = AlertInputs(weeks=(*weeks[:2], a_week(2)), incidents_are_known=False)
    assert seen(inputs, reported).resolved == {}


def test_spike__is_over_with_one_week_before_to_compare_with() -> None:
    reported = ["acme/shop/shop/mttr-spike/2024-06-03"]
    assert list(seen(of_weeks(a_week(1), a_week(2)), reported).resolved) == reported


def test_spike__is_not_over_by_a_shorter_window_nor_by_another_look_at_its_own_week() -> None:
    reported = ["acme/shop/shop/mttr-spike/2024-06-17"]
    assert seen(of_weeks(a_week(2, mttr=6)), reported).resolved == {}
    assert seen(of_weeks(a_week(1, mttr=6), a_week(2, mttr=6)), reported).resolved == {}
    assert seen(of_weeks(a_week(2, mttr=6)), ["acme/shop/shop/mttr-spike/2024-06-10"]).resolved == {}


def test_spike__that_the_next_week_goes_beyond_ends_quietly() -> None:
    result = seen(of_weeks(a_week(0), a_week(1, mttr=5), a_week(2, mttr=9)), ["acme/shop/shop/mttr-spike/2024-06-10"])
    assert keys(result) == ["acme/shop/shop/mttr-spike/2024-06-17"]
    assert [alert.superseded for alert in result.resolved.values()] == [True]


BREACH, AT_RISK = f"{HOME}/breach/recommender", f"{HOME}/at-risk/recommender"


def promise(*statuses: Status, **more: Any) -> AlertInputs:
    return AlertInputs(
        obligations=[an_obligation(hours, status=status, **more) for hours, status in enumerate(statuses)]
    )


def releases(alert: Alert) -> list[str]:
    assert isinstance(alert.about, WaitingReleases)
    return list(alert.about.releases)


def release(hours: float = 0) -> str:
    return an_obligation(hours).code_id


def test_breach__is_one_alert_a_model_and_comes_before_what_is_only_at_risk() -> None:
    result = seen(promise(Status.AT_RISK, Status.BREACHED, Status.BREACHED, Status.PENDING, Status.MET, Status.LATE))
    assert keys(result) == [BREACH, AT_RISK]
    assert [releases(alert) for alert in result.firing] == [[release(1), release(2)], [release(0)]]
    assert result.firing[0].began == an_obligation(1).deadline


def test_breach__of_two_models_is_two_alerts() -> None:
    other = an_obligation(1, status=Status.BREACHED, model="ranker")
    result = seen(AlertInputs(obligations=[an_obligation(status=Status.BREACHED), other]))
    assert keys(result) == [BREACH, f"{HOME}/breach/ranker"]


@pytest.mark.parametrize(
    "status", [Status.MET, Status.LATE, Status.CANCELLED, Status.UNDETERMINED, Status.NOT_REQUIRED]
)
def test_breach__is_over_when_none_waits(status: Status) -> None:
    result = seen(promise(status, status, closed_at=at(60)), [BREACH], releases=[release(0), release(1)])
    assert list(result.resolved) == [BREACH]
    assert not result.resolved[BREACH].superseded
    assert releases(result.resolved[BREACH]) == [release(0), release(1)]


def test_breach__goes_on_while_one_release_waits() -> None:
    result = seen(promise(Status.MET, Status.BREACHED), [BREACH], releases=[release(0), release(1)])
    assert (keys(result), result.resolved) == ([BREACH], {})


def test_breach__is_over_when_the_release_owes_nothing_any_more() -> None:
    result = seen(AlertInputs(), [BREACH], releases=["deployment:gone"])
    assert [alert.about for alert in result.resolved.values()] == [None]


def test_breach__is_not_over_where_the_stub_of_its_release_cannot_be_read() -> None:
    unread = an_obligation(status=Status.UNKNOWN, model="*")
    assert seen(AlertInputs(obligations=[unread]), [BREACH], releases=[release()]).resolved == {}
    assert list(seen(AlertInputs(obligations=[unread]), [BREACH], releases=["deployment:other"]).resolved) == [BREACH]


@pytest.mark.parametrize("status", [Status.UNKNOWN, Status.WAIVED, Status.PENDING, Status.AT_RISK])
def test_breach__stays_while_it_is_only_excused_has_more_time_or_is_not_known(status: Status) -> None:
    assert seen(promise(status), [BREACH], releases=[release()]).resolved == {}


def test_breach__that_is_excused_names_its_releases() -> None:
    result = seen(promise(Status.WAIVED, Status.WAIVED), [BREACH], releases=[release(0)])
    assert releases(result.excused[BREACH]) == [release(0)]
    assert seen(promise(Status.WAIVED)).excused == {}


def test_breach__that_shipped_within_its_waiver_is_over() -> None:
    assert list(seen(promise(Status.WAIVED, closed_at=at(60)), [BREACH], releases=[release()]).resolved) == [BREACH]


def test_promise__of_which_a_source_failed_neither_fires_nor_is_resolved() -> None:
    inputs = AlertInputs(obligations=[an_obligation(status=Status.BREACHED)], promise_is_known=False)
    assert seen(inputs, [BREACH, AT_RISK]) == AlertSnapshot()


@pytest.mark.parametrize(
    ("status", "superseded"),
    [(Status.MET, False), (Status.CANCELLED, False), (Status.BREACHED, True), (Status.WAIVED, False)],
)
def test_at_risk__ends_quietly_when_the_breach_says_more(status: Status, *, superseded: bool) -> None:
    result = seen(promise(status), [AT_RISK], releases=[release()])
    assert result.resolved[AT_RISK].superseded is superseded


@pytest.mark.parametrize("status", [Status.UNKNOWN, Status.PENDING])
def test_at_risk__stays_while_it_is_unknown_or_the_clock_was_made_longer(status: Status) -> None:
    assert seen(promise(status), [AT_RISK], releases=[release()]).resolved == {}


def test_breach__begins_anew_when_a_waiver_runs_out() -> None:
    ended = Waiver(model="recommender", sha="*", reason="freeze", by="data platform", until=at(400))
    (alert,) = seen(promise(Status.BREACHED, waiver=ended), since=at(399)).firing
    assert (alert.began, alert.old) == (at(400), False)


@pytest.mark.parametrize(
    ("status", "since", "old"),
    [
        (Status.BREACHED, at(48), False),
        (Status.BREACHED, at(48, seconds=1), True),
        (Status.AT_RISK, at(36), False),
        (Status.AT_RISK, at(36, seconds=1), True),
        (Status.BREACHED, None, True),
    ],
)
def test_first_run__what_ran_out_before_it_is_shown_and_never_sent(
    status: Status, since: datetime | None, *, old: bool
) -> None:
    (alert,) = seen(promise(status), since=since).firing
    assert alert.old is old


def test_first_run__a_later_breach_names_no_older_release() -> None:
    (alert,) = seen(promise(Status.BREACHED, Status.BREACHED), since=at(48.5)).firing
    assert (releases(alert), alert.old) == ([release(1)], False)


def test_first_run__what_was_sent_counts_however_old_it_is() -> None:
    (alert,) = seen(promise(Status.BREACHED), [BREACH], releases=[release()], since=at(400)).firing
    assert not alert.old


def test_first_run__weeks_that_ended_before_it_are_neither_sent_nor_counted_as_running() -> None:
    weeks = of_weeks(a_week(0, model=3, mttr=1), a_week(1, model=3), a_week(2, model=3, mttr=9))
    ended = datetime(2024, 6, 24, tzinfo=UTC)
    assert [alert.old for alert in seen(weeks, since=ended).firing] == [True, True]
    alerts = seen(weeks, since=ended - timedelta(seconds=1)).firing
    assert [(alert.subject, alert.escalated, alert.old) for alert in alerts] == [("2024-06-17", False, False)] * 2


def test_divergence__of_a_week_whose_ships_are_unknown_is_not_over() -> None:
    inputs = of_weeks(a_week(1, model=3), replace(a_week(2), observed=False))
    assert seen(inputs, [f"{HOME}/divergence/2024-06-10"]).resolved == {}


def check(status: DriftStatus) -> DriftCheck:
    return DriftCheck(model="recommender", at=NOW, status=status, threshold=0.1, min_samples=200)


def test_drift__fires_only_after_two_consecutive_checks() -> None:
    assert keys(seen(AlertInputs(drift=check(DriftStatus.DRIFT)))) == ["acme/shop/shop/drift/recommender"]
    for status in set(DriftStatus) - {DriftStatus.DRIFT}:
        assert keys(seen(AlertInputs(drift=check(status)))) == []


@pytest.mark.parametrize(("healed", "over"), [(True, 1), (False, 0)])
def test_drift__is_over_only_when_it_is_healed(*, healed: bool, over: int) -> None:
    inputs = AlertInputs(drift=check(DriftStatus.OK), drift_is_healed=healed)
    assert len(seen(inputs, ["acme/shop/shop/drift/recommender"]).resolved) == over
    assert seen(inputs, []).resolved == {}


def test_drift__without_a_check_stays() -> None:
    assert seen(AlertInputs(drift_is_healed=True), ["acme/shop/shop/drift/recommender"]).resolved == {}


def test_keys__of_another_service_are_left_alone() -> None:
    result: Sequence[str] = list(seen(AlertInputs(), ["other/breach/deployment:1/recommender"]).resolved)
    assert result == []
