"""The ledger: a union of what runs knew, that can close a clock and never open one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from flowjoy.analysis.results import Results, analyse
from flowjoy.clients.mlflow_models import RegisteredVersion, RegistrySnapshot
from flowjoy.domain import (
    Action,
    AlertState,
    AliasObservation,
    CodeRecord,
    Decision,
    Inventory,
    ModelRecord,
    Outcome,
    Precision,
    Registered,
    StubFile,
    Waiver,
)
from flowjoy.domain.drift import PastDriftCheck
from flowjoy.domain.records import Records
from flowjoy.ledger.bundle_format import from_json, to_json
from flowjoy.ledger.memory import MEMORY, memory_of, why_not
from flowjoy.ledger.source_gone import gone_since, with_code, with_models
from flowjoy.sources.mlflow_registry import MlflowRegistry
from tests.builders import a_bundle, a_deploy, a_query, a_ship, a_stub_file, at

HOURS = st.integers(0, 12)
merge = Records.merged
SOURCES = {"code_source": "deployments to production", "model_source": "mlflow registry:443/"}
STUB = '{"models": {"recommender": {"requires": "any"}}}'


def codes() -> st.SearchStrategy[CodeRecord]:
    return st.builds(
        lambda hours, number, outcome, gone, run: a_deploy(
            hours, sha=f"sha{number}", id=f"deployment:{number}", outcome=outcome, source_gone=gone, run_id=run
        ),
        HOURS,
        st.integers(0, 4),
        st.sampled_from([Outcome.SUCCESS, Outcome.FAILED]),
        st.booleans(),
        st.sampled_from([None, "1", "2"]),
    )


def ships() -> st.SearchStrategy[ModelRecord]:
    return st.builds(
        lambda hours, number, precision, gone: a_ship(
            hours, version=str(number), id=f"model:recommender/{number}", precision=precision, source_gone=gone
        ),
        HOURS,
        st.integers(1, 4),
        st.sampled_from([Precision.EXACT, Precision.REGISTERED]),
        st.booleans(),
    )


def waivers() -> st.SearchStrategy[Waiver]:
    return st.builds(
        lambda reason, seen: Waiver(
            model="recommender", sha="*", reason=reason, by="team", until=at(50), seen_at=None if seen < 0 else at(seen)
        ),
        st.sampled_from("ab"),
        st.integers(-1, 5),
    )


MEMORIES = st.builds(
    Records,
    code=st.lists(codes(), max_size=5, unique_by=lambda record: record.id).map(tuple),
    models=st.lists(ships(), max_size=5, unique_by=lambda record: record.id).map(tuple),
    observations=st.lists(
        st.builds(
            AliasObservation,
            model=st.just("recommender"),
            signal=st.just("alias:live"),
            at=HOURS.map(at),
            version=st.sampled_from(["", "1", "2"]),
        ),
        max_size=4,
    ).map(tuple),
    stubs=st.dictionaries(st.sampled_from("abc"), st.sampled_from([a_stub_file(), a_stub_file(text="{}")]), max_size=3),
    waivers=st.lists(waivers(), max_size=3).map(tuple),
    alerts=st.lists(
        st.builds(AlertState, key=st.sampled_from("xy"), step=st.sampled_from(["new", "reminder"]), at=HOURS.map(at)),
        max_size=3,
    ).map(tuple),
    ledgers=st.lists(st.integers(1, 5), max_size=2).map(tuple),
    first_trusted_at=st.none() | HOURS.map(at),
    decided_at=st.none() | HOURS.map(at),
    blocked_at=st.none() | HOURS.map(at),
    check_names=st.dictionaries(st.sampled_from(["FlowJoy / 24 h SLA", "FlowJoy / 48 h SLA"]), HOURS.map(at)),
    commits=st.dictionaries(st.sampled_from("abc"), st.lists(HOURS.map(at), max_size=2).map(tuple), max_size=3),
    training_runs=st.dictionaries(st.sampled_from("rs"), st.none() | HOURS.map(at), max_size=2),
    actions=st.lists(
        st.builds(
            Action,
            week=HOURS.map(at),
            key=st.sampled_from("xy"),
            do=st.just("ship"),
            measure=st.just("gap"),
            value=st.none() | st.floats(0, 3),
        ),
        max_size=3,
    ).map(tuple),
    inventory=st.none() | st.builds(Inventory, read_at=HOURS.map(at), pulls_total=st.integers(0, 2)),
    models_gone=st.dictionaries(st.sampled_from(["recommender/1", "recommender/2"]), HOURS.map(at), max_size=2),
    not_yet=st.dictionaries(st.sampled_from(["release:1", "release:2"]), HOURS.map(at), max_size=2),
    first_listed=st.dictionaries(st.sampled_from(["recommender/1@", "recommender/2@"]), HOURS.map(at), max_size=2),
    listings=st.dictionaries(st.sampled_from(["model:recommender", "recommender/1@"]), HOURS.map(at), max_size=2),
    drift_marks=st.lists(
        st.builds(
            PastDriftCheck,
            model=st.just("recommender"),
            at=HOURS.map(at),
            over=st.booleans(),
            sample=st.sampled_from(["one", "two"]),
        ),
        max_size=4,
    ).map(tuple),
)


@pytest.mark.matrix
@given(MEMORIES, MEMORIES, MEMORIES)
def test_merge__is_a_union(one: Records, two: Records, three: Records) -> None:
    assert merge(one, two) == merge(two, one)
    assert merge(merge(one, two), three) == merge(one, merge(two, three))
    both = merge(one, two)
    assert merge(both, both) == both == merge(both, one) == merge(Records(), both)


@pytest.mark.matrix
@given(MEMORIES, MEMORIES)
def test_merge__loses_nothing(one: Records, two: Records) -> None:
    both = merge(one, two)
    assert {record.id for record in both.code} == {record.id for record in (*one.code, *two.code)}
    assert {record.id for record in both.models} == {record.id for record in (*one.models, *two.models)}
    assert set(both.observations) == {*one.observations, *two.observations}
    assert set(both.alerts) == {*one.alerts, *two.alerts}
    assert both.stubs.keys() == one.stubs.keys() | two.stubs.keys()
    confirmed = {r.id for r in (*one.code, *two.code) if r.outcome is Outcome.SUCCESS}
    assert {record.id for record in both.code if record.outcome is Outcome.SUCCESS} == confirmed


def opened(findings: Results) -> set[str]:
    return {item.id for item in findings.obligations if item.is_open}


SEVERITY = (Decision.PASS, Decision.FAIL, Decision.ERROR)


@pytest.mark.matrix
@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(HOURS, st.integers(0, 3), st.booleans()), max_size=6, unique_by=lambda item: (item[0], item[1])),
    st.lists(st.tuples(HOURS, st.integers(1, 4), st.booleans()), max_size=6, unique_by=lambda item: item[0]),
    st.sampled_from(["registered", "tag:live", "alias:live"]),
    st.sampled_from(["any", "2", ">=2"]),
    st.integers(1, 6),
    st.integers(0, 2),
)
def test_p64__whatever_a_ledger_claims_makes_no_verdict_milder(
    deploys: list[tuple[int, int, bool]],
    shipped: list[tuple[int, int, bool]],
    signal: str,
    requires: str,
    sla_hours: int,
    sources: int,
) -> None:
    """Rollbacks, deploys and ships that never were are what a source no longer shows: they may open a clock."""
    code = tuple(
        a_deploy(hours, sha=f"sha{number}", id=f"deployment:{n}", source_gone=gone)
        for n, (hours, number, gone) in enumerate(deploys)
    )
    models = tuple(
        a_ship(
            hours + 0.5,
            version=str(number),
            id=f"model:recommender/{number}@{n}",
            source_gone=gone,
            source=f"s3://models/{number % sources}" if sources else None,
        )
        for n, (hours, number, gone) in enumerate(shipped)
    )
    stub = a_stub_file(text=STUB.replace("any", requires))
    stubs = {f"sha{number}": stub for number in range(4)}
    terms = {"model_signal": signal, "sla_hours": float(sla_hours), "models": ("recommender",)}
    remembered = analyse(a_bundle(code, models, terms=terms, stubs=stubs))
    forgotten = analyse(
        a_bundle(
            [record for record in code if not record.source_gone],
            [record for record in models if not record.source_gone],
            terms=terms,
            stubs=stubs,
        )
    )
    assert opened(remembered) >= opened(forgotten)
    assert SEVERITY.index(remembered.verdict.decision) >= SEVERITY.index(forgotten.verdict.decision)
    assert remembered.rate.misses >= forgotten.rate.misses


FORGED_CODE = st.builds(
    lambda hours, number, sha, outcome, run: a_deploy(
        hours,
        sha=f"sha{sha}",
        id=f"deployment:{number}",
        outcome=outcome,
        run_id=run,
        created_at=at(hours),
    ),
    HOURS,
    st.integers(0, 5),
    st.integers(0, 3),
    st.sampled_from(Outcome),
    st.sampled_from([None, "1", "2"]),
)
FORGED_SHIPS = st.builds(
    lambda hours, number, precision, source, registered, borne_out: a_ship(
        hours,
        version=str(number),
        id=f"model:recommender/{number}",
        precision=precision,
        source=source,
        registered_at=None if registered is None else at(registered),
        borne_out=borne_out,
    ),
    HOURS,
    st.integers(1, 6),
    st.sampled_from([Precision.EXACT, Precision.REGISTERED]),
    st.sampled_from([None, "s3://models/1", "s3://models/forged"]),
    st.none() | HOURS,
    st.booleans(),
)


@pytest.mark.matrix
@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(HOURS, st.integers(0, 3)), min_size=1, max_size=4, unique_by=lambda item: item[0]),
    st.lists(st.tuples(HOURS, st.integers(0, 3)), max_size=4),
    st.lists(FORGED_CODE, max_size=4, unique_by=lambda record: record.id),
    st.lists(FORGED_SHIPS, max_size=4, unique_by=lambda record: record.id),
    st.sampled_from(["registered", "tag:live"]),
    st.sampled_from(["any", "2", ">=2"]),
)
def test_p64__forged_records_put_together_with_what_sources_show_make_no_verdict_milder(
    deploys: list[tuple[int, int]],
    made: list[tuple[int, int]],
    forged_code: list[CodeRecord],
    forged_ships: list[ModelRecord],
    signal: str,
    requires: str,
) -> None:
    """Where the registry bears out no version: its numbers have no gap, and nothing was taken out of it."""
    code = tuple(a_deploy(h, sha=f"sha{sha}", id=f"deployment:{n}", run_id="1") for n, (h, sha) in enumerate(deploys))
    hour = int(timedelta(hours=1).total_seconds() * 1000)
    start = int(at().timestamp() * 1000)
    versions = [
        RegisteredVersion(
            name="recommender",
            version=str(n),
            created=start + hours * hour,
            changed=None,
            status="READY",
            stage="None",
            run_id=None,
            source=f"s3://models/{source}",
            model_id=None,
            tags={"live": str(start + (hours + source) * hour)},
        )
        for n, (hours, source) in enumerate(sorted(made), start=1)
    ]
    inputs = {"model_signal": signal, "mlflow_tracking_uri": "https://registry.example"}
    known = {"recommender": Registered(created_at=at(-1))}
    shown = MlflowRegistry().parse(
        RegistrySnapshot(versions=versions, known=known), a_query(Path("/nowhere"), **inputs)
    )

    def judged(memory: Records) -> Results:
        records = with_models(memory, shown.records, ["recommender"], shown.versions, shown.known)
        stubs = {f"sha{number}": a_stub_file(text=STUB.replace("any", requires)) for number in range(4)}
        terms = {"model_signal": signal, "sla_hours": 4.0}
        gone = gone_since(memory, records, shown.versions, at(20))
        result = with_code(memory, code)
        return analyse(a_bundle(result, records, until=at(20), terms=terms, stubs=stubs, models_gone=gone))

    remembered = judged(Records(code=tuple(forged_code), models=tuple(forged_ships)))
    forgotten = judged(Records())
    assert opened(remembered) >= opened(forgotten)
    assert SEVERITY.index(remembered.verdict.decision) >= SEVERITY.index(forgotten.verdict.decision)


VERSIONS = st.lists(st.tuples(HOURS, st.sampled_from(["r1", "r2", "r3"])), min_size=1, max_size=4)


# A stamped version of a run whose other version was live before the stamp, as only the forgotten look knew.
@pytest.mark.matrix
@example([(0, "r2"), (0, "r2")], [(0, 2)], {11}, [0], "any", 1, {1})
@settings(max_examples=50, deadline=None)
@given(
    VERSIONS,
    st.lists(st.tuples(HOURS, st.integers(0, 4)), max_size=4),
    st.sets(HOURS, max_size=5),
    st.lists(HOURS, min_size=1, max_size=3, unique=True),
    st.sampled_from(["any", "2", ">=2"]),
    st.integers(1, 6),
    st.sets(st.integers(1, 4), max_size=1),
)
def test_looks__forgotten_make_no_verdict_milder(  # noqa: PLR0917  (what hypothesis hands over)
    made: list[tuple[int, str]],
    moved: list[tuple[int, int]],
    looked: set[int],
    deploys: list[int],
    requires: str,
    sla_hours: int,
    stamped: set[int],
) -> None:
    """An alias with a history of looks, against the last look alone: what was open with them is open without."""
    now = 14
    versions = [
        RegisteredVersion(
            name="recommender",
            version=str(n),
            created=int(at(hours).timestamp() * 1000),
            changed=None,
            status="READY",
            stage="None",
            run_id=run,
            source=f"runs:/{run}/model",
            model_id=None,
            tags={"flowjoy.deployed_at": "2024-06-03T22:30:00Z"} if n in stamped else {},
        )
        for n, (hours, run) in enumerate(sorted(made), start=1)
    ]

    def live(hours: float) -> str:
        """The version named at an instant: the last move before it, to a version that was there."""
        there = [v.version for v in versions if v.created <= at(hours).timestamp() * 1000]
        past = [number for when, number in sorted(moved) if when < hours and str(number) in there]
        return str(past[-1]) if past else ""

    base = a_query(Path("/nowhere"), model_signal="alias:live", mlflow_tracking_uri="https://registry.example")
    query = replace(base, now=at(now), as_of=at(now))
    earlier = tuple(
        AliasObservation(model="recommender", signal="alias:live", at=at(h + 0.25), version=live(h + 0.25))
        for h in looked
    )
    by_number = {v.version: v for v in versions}
    earlier = tuple(
        replace(look, run_id=by_number[look.version].run_id or "", registered_at=created(by_number[look.version]))
        if look.version
        else look
        for look in earlier
    )
    aliases = {"recommender": {"live": live(now)} if live(now) else {}}
    listing = RegistrySnapshot(versions=versions, aliases=aliases)
    code = [a_deploy(hours, sha=f"sha{hours}", id=f"deployment:{hours}") for hours in deploys]
    stubs = {f"sha{hours}": a_stub_file(text=STUB.replace("any", requires)) for hours in deploys}

    def judged(looks: tuple[AliasObservation, ...]) -> Results:
        records = MlflowRegistry().parse(listing, replace(query, observations=looks)).records
        terms = {"model_signal": "alias:live", "sla_hours": float(sla_hours), "models": ("recommender",)}
        return analyse(a_bundle(code, records, until=at(now), terms=terms, stubs=stubs))

    remembered, forgotten = judged(earlier), judged(())
    assert opened(remembered) <= opened(forgotten)
    assert SEVERITY.index(remembered.verdict.decision) <= SEVERITY.index(forgotten.verdict.decision)


def created(version: RegisteredVersion) -> Any:
    return at() + timedelta(milliseconds=version.created - int(at().timestamp() * 1000))


def a_ledger(**changes: Any) -> Any:
    """A bundle of the sources that are asked now."""
    terms = {**SOURCES, **changes.pop("terms", {})}
    return a_bundle([a_deploy(0, created_at=at(0))], [a_ship(1)], terms=terms, **changes)


def recalled(bundle: Any, **terms: Any) -> Records:
    asked = replace(a_ledger().terms, **terms)
    return memory_of(bundle, asked, since=bundle.generated_at - MEMORY, until=bundle.generated_at, number=7)


def test_memory__is_of_the_same_sources_only() -> None:
    assert (len(recalled(a_ledger()).code), len(recalled(a_ledger()).models)) == (1, 1)
    assert recalled(a_ledger(), code_source="deployments to staging").code == ()
    assert recalled(a_ledger(), model_source="").models == ()
    assert recalled(a_ledger(terms={"code_source": ""}), code_source="").code == ()


def test_memory__of_a_run_s_own_release_is_that_it_was_not_yet_live() -> None:
    own = a_ledger()
    (record,) = recalled(replace(own, code=(replace(own.code[0], outcome=Outcome.PROVISIONAL),))).code
    assert (record.outcome, record.under_way) == (Outcome.FAILED, True)


def test_memory__ends_after_400_days() -> None:
    old = a_ledger(until=at(24 * 420))
    assert (recalled(old).code, recalled(old).models) == ((), ())


def test_listings__are_kept_with_their_latest_time_for_the_same_registry_whatever_the_signal() -> None:
    listings = {"model:recommender": at(5), "recommender/1@": at(3)}
    memory = Records(listings=listings)
    assert merge(memory, Records(listings={"model:recommender": at(4)})).listings == listings
    assert recalled(a_ledger(listings=listings), model_signal="alias:prod").listings == listings
    assert recalled(a_ledger(listings=listings), model_source="mlflow other").listings == {}
    first = {"recommender/1@": at(4)}
    assert merge(Records(first_listed=first), Records(first_listed={"recommender/1@": at(5)})).first_listed == first
    assert recalled(a_ledger(first_listed=first), model_signal="alias:prod").first_listed == first
    assert recalled(a_ledger(first_listed=first), model_source="mlflow other").first_listed == {}


def test_memory__of_a_version_that_is_gone_is_when_it_was_last_listed() -> None:
    memory = Records(models_gone={"recommender/1": at(5)})
    assert merge(memory, Records(models_gone={"recommender/1": at(4)})).models_gone["recommender/1"] == at(4)
    assert recalled(a_ledger(models_gone={"recommender/1": at(5)})).models_gone == {"recommender/1": at(5)}
    assert recalled(a_ledger(models_gone={"recommender/1": at(5)}), model_source="mlflow other").models_gone == {}


def test_not_yet__is_kept_with_its_latest_time_for_the_same_source() -> None:
    bounds = {"release:1": at(5), "release:2": at(5)}
    memory = Records(not_yet=bounds)
    assert merge(memory, Records(not_yet={"release:1": at(6)})).not_yet == {**bounds, "release:1": at(6)}
    assert recalled(a_ledger(not_yet=bounds)).not_yet == bounds
    assert recalled(a_ledger(not_yet=bounds), code_source="github other").not_yet == {}


def test_ships__in_another_registry_are_gone_and_their_numbers_are_not_of_this_one() -> None:
    (ship,) = recalled(a_ledger(), model_source="mlflow other").models
    assert (ship.id.endswith("(deleted)"), ship.version, ship.source_gone) == (True, "1001 (deleted)", True)
    there = replace(a_ledger(), models=(ship,))
    assert recalled(there, model_source="mlflow third").models == (ship,)
    assert recalled(there, model_source="").models == ()


def test_memory__of_a_stub_wins_over_a_ledger_that_remembers_none() -> None:
    with_stub, without = Records(stubs={"a": a_stub_file(STUB)}), Records(stubs={"a": a_stub_file()})
    assert merge(with_stub, without).stubs == merge(without, with_stub).stubs == with_stub.stubs


@pytest.mark.parametrize("unread", [a_stub_file("{"), a_stub_file(problem="too large")])
def test_memory__leaves_out_stubs_that_could_not_be_read(unread: StubFile) -> None:
    assert recalled(a_ledger(stubs={"a": unread, "b": a_stub_file(STUB), "c": a_stub_file()})).stubs.keys() == {
        "b",
        "c",
    }


def test_memory__drops_what_redaction_changed() -> None:
    hidden = a_ledger(stubs={"a": a_stub_file(text='{"models": {"***-model": "any"}}'), "b": a_stub_file(text=STUB)})
    assert recalled(hidden).stubs.keys() == {"b"}
    assert recalled(replace(hidden, models=(a_ship(1, "1", name="***-model"),))).models == ()


def test_memory__remembers_models_that_were_not_asked_for() -> None:
    assert [item.name for item in recalled(a_ledger(models_aside=(a_ship(1, "1", model="ranker"),))).models] == [
        "recommender",
        "ranker",
    ]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, None),
        ({"repository": "acme/cart"}, "another repository"),
        ({"repository": "Acme/Shop"}, None),
        ({"generated_at": at(9999)}, "in the future"),
        ({"generated_at": at(0)}, "had not happened yet"),
    ],
)
def test_why_not__names_what_is_wrong(changes: dict[str, Any], said: str | None) -> None:
    bundle = replace(a_ledger(), **changes)
    result = why_not(bundle, repository="acme/shop", now=at(24 * 30))
    assert (said is None and result is None) or (said is not None and result is not None and said in result)


def test_first_trusted_run__is_the_earliest_that_any_ledger_remembers() -> None:
    one, other = (recalled(a_ledger(first_trusted_at=at(hours))) for hours in (20, 10))
    assert merge(one, other).first_trusted_at == at(10)
    assert merge(one, Records()).first_trusted_at == at(20)


def test_first_trusted_run__of_a_ledger_that_does_not_say_is_its_own_or_its_first_alert() -> None:
    bundle = a_ledger()
    assert recalled(bundle).first_trusted_at == bundle.generated_at
    state = AlertState(key="shop/breach/x", step="new", at=at(3))
    assert recalled(replace(bundle, alerts=(state,))).first_trusted_at == at(3)
    late = replace(bundle, first_trusted_at=bundle.generated_at + timedelta(days=1))
    assert recalled(late).first_trusted_at == bundle.generated_at


def test_bundle__keeps_what_must_be_remembered() -> None:
    look = AliasObservation(
        model="recommender", signal="alias:live", at=at(1), version="7", run_id="r", registered_at=at(0)
    )
    waiver = Waiver(model="recommender", sha="*", reason="freeze", by="team", until=at(99), seen_at=at(2))
    state = AlertState(key="shop/breach/x", step="new", at=at(3))
    bundle = a_ledger(observations=(look, look), waivers=(waiver,), alerts=(state,), ledgers=(4, 9))
    again = from_json(to_json(bundle))
    assert (again.observations, again.waivers, again.alerts, again.ledgers) == ((look,), (waiver,), (state,), (4, 9))
    memory = recalled(again)
    assert (memory.observations, memory.waivers, memory.alerts, memory.ledgers) == ((look,), (waiver,), (state,), (7,))


def test_marks_of_drift__are_remembered_for_400_days_and_never_from_the_future() -> None:
    now = at(500 * 24)
    marks = tuple(
        PastDriftCheck(model="recommender", at=when, over=True, sample=str(when))
        for when in (now - MEMORY - timedelta(seconds=1), now - MEMORY, now, now + timedelta(seconds=1))
    )
    bundle = a_bundle(until=now, drift_marks=marks)
    assert set(from_json(to_json(bundle)).drift_marks) == set(marks)
    current = memory_of(bundle, bundle.terms, since=now - MEMORY, until=now, number=1)
    assert current.drift_marks == marks[1:3]
    masked = replace(bundle, drift_marks=(replace(marks[2], sample="***"),))
    assert memory_of(masked, bundle.terms, since=now - MEMORY, until=now, number=1).drift_marks == ()
