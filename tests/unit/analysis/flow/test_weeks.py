"""The week table: every week a row, what counts in it, and which weeks diverge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowjoy.analysis import timeline
from flowjoy.analysis.flow.weeks import last_complete, week_table, window_of
from flowjoy.domain import CodeRecord, Incident, ModelDependencies, ModelGap, ModelRecord, Requirement, Rule, Week
from flowjoy.sources.files import CodeFile, ModelFile
from flowjoy.sources.incident_file import IncidentFile
from tests.builders import MODEL, SERVICE, T0, a_deploy, a_provisional_deploy, a_query, a_ship, an_incident, at

SEED_WEEKS = Path(__file__).parents[4] / "examples" / "demo" / "seed_weeks"
MONDAY = datetime(2024, 6, 3, tzinfo=UTC)
REQUIRED = ModelDependencies(default=(Requirement(model=MODEL),))


def table(
    code: Sequence[CodeRecord] = (),
    models: Sequence[ModelRecord] = (),
    incidents: Sequence[Incident] = (),
    *,
    until: datetime,
    weeks: int = 4,
    timezone: str = "UTC",
    divergence_percent: float = 50,
    dependencies: ModelDependencies = REQUIRED,
    observed_since: Mapping[str, datetime] | None = None,
) -> tuple[Week, ...]:
    """The week table as of `until`."""
    return week_table(
        timeline.timeline(code, models, service=SERVICE, until=until),
        timeline.incident_frame(incidents, until=until),
        window_of(until, weeks=weeks, timezone=timezone),
        divergence_percent=divergence_percent,
        dependencies=dependencies,
        observed_since=observed_since,
    )


def deploys(*instants: datetime) -> list[CodeRecord]:
    return [a_deploy((instant - T0) / timedelta(hours=1), shipped_at=instant) for instant in instants]


def one_week(code: int, models: int, *, percent: float = 50) -> Week:
    """The complete week of T0 with so many deploys and ships."""
    shipped = [a_deploy(n / 60) for n in range(code)], [a_ship(n / 60, str(n + 1)) for n in range(models)]
    return table(*shipped, until=at(7 * 24), weeks=2, divergence_percent=percent)[0]


def test_weeks__the_worked_example_comes_out_exactly(tmp_path: Path) -> None:
    query = a_query(tmp_path)
    code = CodeFile().parse((SEED_WEEKS / "dev_deploy.json").read_text(), query)
    models = ModelFile().parse((SEED_WEEKS / "model_deploy.json").read_text(), query)
    incidents = IncidentFile().parse((SEED_WEEKS / "pagerduty_incidents.csv").read_text(), query)
    weeks = table(code.records, models.records, incidents.records, until=datetime(2024, 6, 24, tzinfo=UTC))
    assert [(w.label, w.code_deploys, w.model_deploys, w.gap, w.mttr_hours, w.diverges, w.partial) for w in weeks] == [
        ("Jun 03", 8, 5, 3, 1.6, False, False),
        ("Jun 10", 9, 4, 5, 2.0, True, False),
        ("Jun 17", 7, 6, 1, 1.2, False, False),
        ("Jun 24", 0, 0, 0, None, False, True),
    ]
    assert [w.incidents for w in weeks] == [3, 4, 2, 0]
    assert weeks == tuple(sorted(weeks, key=lambda w: w.week))
    assert last_complete(weeks) == weeks[2]


def test_weeks__every_week_is_a_row_also_the_ones_in_which_nothing_happened() -> None:
    weeks = table([a_deploy(0)], until=at(5 * 7 * 24), weeks=6)
    assert [w.week for w in weeks] == [date(2024, 6, 3) + timedelta(weeks=n) for n in range(6)]
    assert [w.code_deploys for w in weeks] == [1, 0, 0, 0, 0, 0]


def test_weeks__nothing_at_all_is_rows_of_zero_with_a_blank_mttr() -> None:
    for week in table(until=T0, weeks=3):
        assert (week.code_deploys, week.model_deploys, week.gap, week.incidents, week.resolved) == (0, 0, 0, 0, 0)
        assert (week.mttr_hours, week.mttr_median_hours, week.mttr_p90_hours) == (None, None, None)
        assert not week.diverges


def test_weeks__what_lies_before_the_window_is_in_no_row() -> None:
    weeks = table(deploys(MONDAY - timedelta(microseconds=1), MONDAY), until=at(7 * 24), weeks=2)
    assert [w.code_deploys for w in weeks] == [1, 0]


def test_weeks__a_week_begins_on_monday_at_midnight_and_ends_before_the_next() -> None:
    week = timedelta(weeks=1)
    last_tick = MONDAY + week - timedelta(microseconds=1)
    weeks = table(deploys(MONDAY, last_tick, MONDAY + week), until=MONDAY + week, weeks=2)
    assert [w.code_deploys for w in weeks] == [2, 1]


def test_weeks__the_running_week_is_last_marked_partial_and_never_diverges() -> None:
    weeks = table([a_deploy(n) for n in range(9)], until=at(50), weeks=2)
    assert [w.partial for w in weeks] == [False, True]
    assert weeks[-1].code_deploys == 9
    assert not weeks[-1].diverges


def test_last_complete__is_none_when_only_the_running_week_is_shown() -> None:
    assert last_complete(table(until=T0, weeks=1)) is None


def test_weeks__redeploys_rollbacks_and_the_provisional_release_do_not_count() -> None:
    code = [*(a_deploy(hours, sha) for hours, sha in enumerate("aaba")), a_provisional_deploy(5)]
    assert table(code, until=at(6), weeks=1)[0].code_deploys == 2


def test_weeks__copies_and_rolled_back_models_do_not_count() -> None:
    ships = [a_ship(0, "1", run_id="r"), a_ship(1, "2", run_id="r"), a_ship(2, "1", run_id="r")]
    assert table(models=ships, until=at(6), weeks=1)[0].model_deploys == 1


@pytest.mark.parametrize(
    ("code", "models", "diverges"),
    [
        (9, 4, True),
        (8, 4, False),
        (10, 5, False),
        (10, 4, True),
        (2, 1, False),
        (1, 0, True),
        (0, 0, False),
        (0, 3, False),
    ],
)
def test_divergence__more_than_half_of_code_and_not_exactly_half(code: int, models: int, diverges: bool) -> None:  # noqa: FBT001  (the expected value)
    assert one_week(code, models).diverges is diverges


def test_divergence__another_percentage_applies_as_strictly() -> None:
    assert not one_week(10, 9, percent=10).diverges
    assert one_week(10, 8, percent=10).diverges
    assert not one_week(3, 0, percent=100).diverges


def of_many(models: Sequence[str], **rules: Rule) -> ModelDependencies:
    """The dependencies of every deploy."""
    named = [Requirement(model=name) for name in models]
    pinned = [Requirement(model=name, rule=rule, version="1") for name, rule in rules.items()]
    return ModelDependencies(default=(*named, *pinned))


def test_gap__twenty_models_that_ship_are_no_cover_for_the_one_that_jams() -> None:
    names = [f"model-{n:02}" for n in range(20)]
    ships = [a_ship(n / 60, str(n), model=name) for n in range(5) for name in names if name != "model-07" or n == 0]
    code = [a_deploy(n) for n in range(5)]
    week, _ = table(code, ships, until=at(7 * 24), weeks=2, dependencies=of_many(names))
    assert (week.code_deploys, week.model_deploys, week.gap, week.diverges) == (5, 96, 4, True)
    assert week.lagging == ModelGap(model="model-07", code_deploys=5, ships=1, diverges=True)
    assert (week.lag, week.named_model, week.models) == (4, "model-07", 20)


def test_gap__only_deploys_that_require_a_model_as_any_wait_for_it() -> None:
    stubs = {"a": (Requirement(model="ranker"), Requirement(model="toxicity", rule=Rule.EXACT, version="3")), "b": ()}
    code = [a_deploy(n, sha) for n, sha in enumerate(["a", "b", "c"])]
    requires = ModelDependencies(by_sha=stubs, default=(Requirement(model="toxicity", rule=Rule.NONE, reason="rules"),))
    week, _ = table(code, until=at(7 * 24), weeks=2, dependencies=requires)
    assert week.furthest == ModelGap(model="ranker", code_deploys=1, ships=0, diverges=True)
    assert (week.code_deploys, week.gap, week.named_model) == (3, 1, None)


def test_gap__without_a_model_required_as_any_it_is_code_minus_models_and_nothing_diverges() -> None:
    code, ships = [a_deploy(n) for n in range(5)], [a_ship(1)]
    for requires in (ModelDependencies(), of_many([], recommender=Rule.EXACT)):
        week, _ = table(code, ships, until=at(7 * 24), weeks=2, dependencies=requires)
        assert (week.gap, week.diverges, week.furthest, week.models) == (4, False, None, 0)


def test_gap__the_model_that_diverges_is_named_where_another_one_has_the_larger_gap() -> None:
    stubs = {f"sha-{n}": (Requirement(model="a"), *[Requirement(model="b")] * (n < 2)) for n in range(10)}
    code = [a_deploy(n, f"sha-{n}") for n in range(10)]
    ships = [a_ship(n, str(n), model="a") for n in range(6)]
    week, _ = table(code, ships, until=at(7 * 24), weeks=2, dependencies=ModelDependencies(by_sha=stubs))
    assert (week.gap, week.furthest.model if week.furthest else None) == (4, "a")
    assert (week.diverges, week.lag, week.named_model) == (True, 2, "b")


def test_gap__of_equal_gaps_the_larger_share_is_named_then_the_first_name() -> None:
    stubs = {f"sha-{n}": (Requirement(model="b"), *[Requirement(model="c")] * (n < 2)) for n in range(4)}
    code = [a_deploy(n, f"sha-{n}") for n in range(4)]
    ships = [a_ship(n, str(n), model="b") for n in range(2)]
    week, _ = table(code, ships, until=at(7 * 24), weeks=2, dependencies=ModelDependencies(by_sha=stubs))
    assert week.furthest == ModelGap(model="c", code_deploys=2, ships=0, diverges=True)
    week, _ = table(code, until=at(7 * 24), weeks=2, dependencies=of_many(["z", "y"]))
    assert week.named_model == "y"


def test_gap__a_deploy_whose_stub_cannot_be_read_asks_for_nothing_that_is_known() -> None:
    requires = ModelDependencies(default=(Requirement(model=MODEL),), unreadable={"a": "not JSON"})
    week, _ = table([a_deploy(0, "a"), a_deploy(1, "b")], until=at(7 * 24), weeks=2, dependencies=requires)
    assert (week.code_deploys, week.gap) == (2, 1)


@pytest.mark.parametrize(("hours", "known"), [(-10, True), (-9, True), (-8.999, False), (100, False), (None, False)])
def test_gap__of_a_week_that_began_before_the_first_observation_is_unknown(hours: float | None, known: bool) -> None:  # noqa: FBT001  (the expected value)
    seen = {} if hours is None else {MODEL: at(hours)}
    week, _ = table([a_deploy(n) for n in range(5)], until=at(7 * 24), weeks=2, observed_since=seen)
    assert (week.counted, week.ships_known, week.diverges) == (known, known, known)


def test_gap__a_model_observed_later_leaves_the_gap_of_the_others_known_only_where_they_diverge() -> None:
    code, requires = [a_deploy(n) for n in range(5)], of_many(["new", "old"])
    seen = {"old": at(-99), "new": at(50)}
    week, _ = table(code, until=at(7 * 24), weeks=2, dependencies=requires, observed_since=seen)
    assert (week.counted, week.ships_known, week.lag, week.named_model) == (True, False, 5, "old")
    ships = [a_ship(n, str(n), model="old") for n in range(5)]
    week, _ = table(code, ships, until=at(7 * 24), weeks=2, dependencies=requires, observed_since=seen)
    assert (week.counted, week.ships_known, week.diverges) == (False, False, False)


def test_gap__a_model_that_no_deploy_of_the_week_required_need_not_be_observed() -> None:
    requires = ModelDependencies(by_sha={"a": (Requirement(model="old"),)}, default=(Requirement(model="new"),))
    week, _ = table(
        [a_deploy(0, "a")], until=at(7 * 24), weeks=2, dependencies=requires, observed_since={"old": at(-99)}
    )
    assert week.counted
    week, _ = table(until=at(7 * 24), weeks=2, dependencies=requires, observed_since={"old": at(-99)})
    assert not week.counted


def test_mttr__is_the_mean_over_the_resolved_incidents_that_started_in_the_week() -> None:
    incidents = [
        an_incident(0, hours=1),
        an_incident(1, hours=2),
        an_incident(2, hours=6),
        an_incident(3, hours=None),
        an_incident(6 * 24, hours=7 * 24),
    ]
    first, second, _ = table(incidents=incidents, until=at(15 * 24), weeks=3)
    assert (first.incidents, first.resolved) == (5, 4)
    assert first.mttr_hours == (1 + 2 + 6 + 7 * 24) / 4
    assert first.mttr_median_hours == 4
    assert first.mttr_p90_hours == pytest.approx(6 + (7 * 24 - 6) * 0.7)
    assert (second.incidents, second.mttr_hours) == (0, None)


def test_mttr__is_blank_while_every_incident_of_the_week_is_open() -> None:
    (week,) = table(incidents=[an_incident(0, hours=None), an_incident(1, hours=99)], until=at(5), weeks=1)
    assert (week.incidents, week.resolved, week.mttr_hours) == (2, 0, None)


def test_mttr__an_incident_that_ended_as_it_began_took_no_time_and_counts() -> None:
    (week,) = table(incidents=[an_incident(0, hours=0), an_incident(1, hours=1)], until=at(5), weeks=1)
    assert (week.resolved, week.mttr_hours) == (2, 0.5)


@pytest.mark.parametrize(
    ("timezone", "monday", "hours"),
    [
        ("Europe/Berlin", date(2024, 3, 25), 167),
        ("Europe/Berlin", date(2024, 10, 21), 169),
        ("America/New_York", date(2024, 3, 4), 167),
        ("America/New_York", date(2024, 10, 28), 169),
    ],
)
def test_weeks__a_week_in_which_the_clocks_change_lasts_from_local_monday_to_local_monday(
    timezone: str, monday: date, hours: int
) -> None:
    zone = ZoneInfo(timezone)
    starts = datetime(monday.year, monday.month, monday.day, tzinfo=zone).astimezone(UTC)
    ends = starts + timedelta(hours=hours)
    assert ends.astimezone(zone).time() == datetime.min.time()
    tick = timedelta(microseconds=1)
    weeks = table(deploys(starts - tick, starts, ends - tick, ends), until=ends + tick, weeks=3, timezone=timezone)
    assert [w.code_deploys for w in weeks] == [1, 2, 1]
    assert weeks[1].week == monday


def test_window__begins_at_the_local_monday_midnight_of_the_zone() -> None:
    window = window_of(datetime(2024, 3, 31, 22, 30, tzinfo=UTC), weeks=2, timezone="Europe/Berlin")
    assert window.since == datetime(2024, 3, 24, 23, tzinfo=UTC)
    assert window_of(datetime(2024, 3, 31, 21, 30, tzinfo=UTC), weeks=1, timezone="Europe/Berlin").since == window.since


def test_window__the_instant_a_week_begins_opens_the_new_running_week() -> None:
    assert window_of(MONDAY, weeks=1, timezone="UTC").since == MONDAY
    before = window_of(MONDAY - timedelta(microseconds=1), weeks=1, timezone="UTC")
    assert before.since == MONDAY - timedelta(weeks=1)


HALF_HOURS = st.integers(0, 6 * 7 * 48)


@settings(max_examples=25)
@given(
    code=st.sets(HALF_HOURS, max_size=20),
    models=st.sets(HALF_HOURS, max_size=20),
    incidents=st.dictionaries(HALF_HOURS, st.none() | st.integers(0, 60), max_size=15),
    until=HALF_HOURS,
    timezone=st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu"]),
    percent=st.sampled_from([10, 50, 100]),
)
def test_weeks__agree_with_counting_one_by_one(
    code: set[int],
    models: set[int],
    incidents: dict[int, int | None],
    until: int,
    timezone: str,
    percent: int,
) -> None:
    autumn = (datetime(2024, 10, 14, tzinfo=UTC) - T0) / timedelta(hours=1)
    shipped = [a_deploy(autumn + n / 2) for n in sorted(code)]
    models_shipped = [a_ship(autumn + n / 2, str(n)) for n in sorted(models)]
    broken = [an_incident(autumn + n / 2, hours=None if t is None else t / 4) for n, t in incidents.items()]
    as_of = at(autumn + until / 2)
    result = table(shipped, models_shipped, broken, until=as_of, weeks=5, timezone=timezone, divergence_percent=percent)
    assert [w.week for w in result] == [_monday(as_of, timezone) + timedelta(weeks=n - 4) for n in range(5)]
    for week in result:
        ours = [i for i in broken if i.start <= as_of and _monday(i.start, timezone) == week.week]
        took = [(i.end - i.start) / timedelta(hours=1) for i in ours if i.end is not None and i.end <= as_of]
        n = sum(r.shipped_at <= as_of and _monday(r.shipped_at, timezone) == week.week for r in shipped)
        m = sum(r.shipped_at <= as_of and _monday(r.shipped_at, timezone) == week.week for r in models_shipped)
        running = week.week == _monday(as_of, timezone)
        assert (week.code_deploys, week.model_deploys, week.gap, week.partial) == (n, m, n - m, running)
        assert (week.incidents, week.resolved) == (len(ours), len(took))
        assert week.mttr_hours == (pytest.approx(sum(took) / len(took)) if took else None)
        assert week.diverges == (not running and n >= 1 and (n - m) / n > percent / 100)


def _monday(instant: datetime, timezone: str) -> date:
    local = instant.astimezone(ZoneInfo(timezone)).date()
    return local - timedelta(days=local.weekday())
