"""What was found and what is remembered: which of the two counts, and how far to look again."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from flowjoy.domain import AliasObservation, ModelVersion, Outcome, Precision, Registered
from flowjoy.domain.records import Records
from flowjoy.ledger.other_signals import not_judged
from flowjoy.ledger.source_gone import gone, gone_since, only_listed, with_code, with_models, with_observations
from tests.builders import a_deploy, a_ship, at


def test_with_code__what_the_source_no_longer_shows_stays_flagged() -> None:
    memory = Records(code=(a_deploy(0, "a", id="deployment:1", created_at=at(0)),))
    (kept,) = with_code(memory, [])
    assert kept.source_gone
    assert gone([kept]) == ("known from the ledger only, the source no longer shows it: deployment:1",)


def test_with_code__a_success_that_moves_to_an_earlier_time_counts_from_there() -> None:
    moved = a_deploy(0, "a", id="deployment:1", created_at=at(0))
    memory = Records(code=(replace(moved, shipped_at=at(3)),))
    assert with_code(memory, [moved]) == (moved,)


@pytest.mark.parametrize("outcome", [Outcome.SUCCESS, Outcome.PROVISIONAL])
def test_with_code__a_success_that_moves_to_a_later_time_keeps_the_clock_that_it_opened(outcome: Outcome) -> None:
    moved = a_deploy(3, "a", id="release:1", created_at=at(0), outcome=outcome)
    first = replace(moved, shipped_at=at(0), outcome=Outcome.SUCCESS)
    stays = replace(first, id="release:1@2024-06-03T09:00:00Z", source_gone=True)
    assert with_code(Records(code=(first,)), [moved]) == (moved, stays)
    assert with_code(Records(code=(moved, stays)), [moved]) == (moved, stays)


@pytest.mark.parametrize(
    "changes", [{"run_id": "77"}, {"run_id": None}, {"environment": "elsewhere"}, {"sha": "b"}], ids=str
)
def test_with_code__what_the_source_shows_is_never_pushed_out_by_an_older_reading_of_it(
    changes: dict[str, Any],
) -> None:
    """A status with a log address came later: the same deployment now has a run."""
    shown = a_deploy(0, "a", id="deployment:1", created_at=at(0), run_id="90")
    memory = Records(code=(replace(shown, **changes),))
    assert with_code(memory, [shown]) == (shown,)


def test_with_code__a_success_that_was_confirmed_once_stays() -> None:
    record = a_deploy(0, "a", id="deployment:1", created_at=at(0))
    result = [replace(record, outcome=Outcome.FAILED)]
    (kept,) = with_code(Records(code=(record,)), result)
    assert (kept.outcome, kept.source_gone) == (Outcome.SUCCESS, True)


def test_with_code__a_failure_that_is_gone_is_no_loss() -> None:
    record = a_deploy(0, "a", id="deployment:1", created_at=at(0), outcome=Outcome.FAILED)
    assert with_code(Records(code=(record,)), []) == ()


def test_with_code__a_later_job_of_a_release_does_not_start_its_clock_anew() -> None:
    """A run was started again, and the deployment of its first attempt deleted."""
    first = a_deploy(0, "a", id="deployment:1", run_id="9", created_at=at(0))
    second = a_deploy(1, "a", id="deployment:2", run_id="9", created_at=at(1))
    assert with_code(Records(code=(first,)), [second]) == (replace(first, source_gone=True), second)
    assert with_code(Records(code=(second,)), [first]) == (first,)


def test_with_code__a_release_whose_tag_was_moved_keeps_the_commit_that_went_live() -> None:
    first = a_deploy(0, "a" * 40, id="release:1")
    moved = replace(first, sha="b" * 40)
    stays = replace(first, id=f"release:1@{'a' * 12}", source_gone=True)
    assert with_code(Records(code=(first,)), [moved], moves=True) == (moved, stays)
    assert with_code(Records(code=(moved, stays)), [moved], moves=True) == (moved, stays)
    assert with_code(Records(code=(first,)), [moved]) == (moved,)


def test_with_models__only_those_asked_for() -> None:
    memory = Records(models=(a_ship(0, "1"), a_ship(0, "1", model="ranker")))
    result = with_models(memory, [], ["recommender"], [], {})
    assert [(item.name, item.source_gone) for item in result] == [("recommender", True)]
    assert [item.name for item in not_judged(memory, ["recommender"], "registered", result)] == ["ranker"]


def test_only_listed__a_row_that_left_a_file_is_not_remembered() -> None:
    memory = Records(models=(a_ship(0, "1"), a_ship(0, "2"), a_ship(0, None)))
    kept = only_listed(memory, [ModelVersion(name="recommender", version="1", ready=True)])
    assert [item.version for item in kept.models] == ["1"]


def test_with_models__of_a_version_that_is_listed_the_registry_s_word_holds() -> None:
    memory = Records(models=(a_ship(0, "1"), a_ship(0, "2")))
    listed = [ModelVersion(name="recommender", version="1", ready=True)]
    assert [item.version for item in with_models(memory, [], ["recommender"], listed, {})] == ["2"]


def test_with_models__a_stamp_that_was_moved_later_ships_the_version_again_and_not_anew() -> None:
    first = a_ship(0, "5", id="model:recommender/5")
    moved = replace(first, shipped_at=at(60), source="s3://models/5")
    listed = [ModelVersion(name=first.name, version="5", ready=True)]
    shown = with_models(Records(models=(first,)), [moved], [first.name], listed, {})
    assert [(record.id, record.shipped_at) for record in shown] == [
        ("model:recommender/5", at(0)),
        ("model:recommender/5@2024-06-05T21:00:00Z", at(60)),
    ]
    assert {record.source for record in shown} == {"s3://models/5"}
    assert not any(record.source_gone for record in shown)
    # The next run finds both in its ledger, and the registry says the same.
    assert with_models(Records(models=shown), [moved], [first.name], listed, {}) == shown
    earlier = replace(first, shipped_at=at(-5))
    assert with_models(Records(models=(first,)), [earlier], [first.name], listed, {}) == (earlier,)
    registered = replace(first, precision=Precision.REGISTERED)
    assert with_models(Records(models=(registered,)), [moved], [first.name], listed, {}) == (moved,)


def test_with_models__a_stamp_outlives_the_version_that_was_only_seen_since() -> None:
    stamped = a_ship(1, "1", id="model:recommender/1")
    seen = replace(stamped, shipped_at=at(5), precision=Precision.OBSERVED, source_gone=True)
    (kept,) = with_models(Records(models=(stamped,)), [seen], ["recommender"], [], {})
    assert (kept.shipped_at, kept.source_gone) == (at(1), True)


@pytest.mark.parametrize(("listings", "since"), [({"model:recommender": at(8)}, at(8)), ({}, at(9))])
def test_gone_since__is_the_last_time_that_a_version_was_listed(listings: dict[str, datetime], since: datetime) -> None:
    missed = [replace(a_ship(1, number), source_gone=True) for number in "123"]
    known = {"recommender/1": at(5), "recommender/3": at(6), "recommender/4": at(7)}
    memory = Records(models_gone=known, listings=listings)
    back = [ModelVersion(name="recommender", version="3", ready=True)]
    assert gone_since(memory, [*missed[:2], a_ship(1, "3")], back, at(9)) == {
        "recommender/1": at(5),
        "recommender/2": since,
        "recommender/4": at(7),  # not asked for now
    }


MODEL = "recommender"


def listed(*versions: tuple[str, float]) -> list[ModelVersion]:
    return [ModelVersion(name=MODEL, version=v, ready=True, registered_at=at(hours)) for v, hours in versions]


@pytest.mark.parametrize(
    ("version", "there", "known", "borne_out"),
    [
        ("2", [("1", 0), ("3", 5)], Registered(created_at=at(-9)), True),
        ("2", [("1", 0)], Registered(created_at=at(-9), lost_one=True), True),
        ("2", [("1", 0)], Registered(created_at=at(-9)), False),
        ("2", [("1", 0), ("3", 1)], Registered(created_at=at(-9)), False),  # 3 was there before
        ("2", [("1", 4), ("3", 5)], Registered(created_at=at(3)), False),  # the model itself was made later
        ("two", [("1", 0), ("3", 5)], Registered(created_at=at(-9), lost_one=True), False),
        ("2", [], None, False),
    ],
)
def test_with_models__a_version_that_is_gone_is_borne_out_by_the_registry_alone(
    *, version: str, there: list[tuple[str, float]], known: Registered | None, borne_out: bool
) -> None:
    memory = Records(models=(a_ship(2, version, registered_at=at(2)),))
    facts = {} if known is None else {MODEL: known}
    result = with_models(memory, [], [MODEL], listed(*there), facts)
    (record,) = [item for item in result if item.version == version]
    assert (record.source_gone, record.borne_out) == (True, borne_out)


def test_with_models__a_number_of_a_model_that_was_made_again_is_another_version() -> None:
    old = a_ship(2, "1", id="model:recommender/1", registered_at=at(2))
    new = replace(old, shipped_at=at(60), registered_at=at(60))
    facts = {MODEL: Registered(created_at=at(50), lost_one=True)}
    result = with_models(Records(models=(old,)), [new], [MODEL], listed(("1", 60)), facts)
    assert [(item.id, item.version, item.source_gone, item.borne_out) for item in result] == [
        ("model:recommender/1", "1", False, False),
        ("model:recommender/1 (deleted)", "1 (deleted)", True, False),
    ]
    assert with_models(Records(models=result), [new], [MODEL], listed(("1", 60)), facts) == result


@pytest.mark.parametrize(("shipped", "kept"), [(2, False), (1, True)])
def test_with_models__a_version_of_another_registry_that_this_one_lists_is_not_a_copy(
    *, shipped: float, kept: bool
) -> None:
    """A run with a mistyped address remembers the version under another name; an earlier ship of it still counts."""
    here = a_ship(2, "1", id="model:recommender/1", registered_at=at(0))
    elsewhere = replace(
        here,
        id="model:recommender/1 (deleted)",
        version="1 (deleted)",
        shipped_at=at(shipped),
        source_gone=True,
    )
    result = with_models(Records(models=(elsewhere,)), [here], [MODEL], listed(("1", 0)), {})
    assert [item.version for item in result] == ["1", *(["1 (deleted)"] if kept else [])]


def test_looks__inside_a_stay_are_not_kept() -> None:
    observations = [
        AliasObservation(model="m", signal="alias:live", at=at(hour), version=version)
        for hour, version in enumerate("1112111")
    ]
    assert [look.at for look in with_observations(Records(), observations)] == [at(0), at(2), at(3), at(4), at(6)]
