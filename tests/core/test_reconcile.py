"""What was found and what is remembered: which of the two counts, and how far to look again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from flowjoy.ledger import Memory
from flowjoy.looks import since_horizon
from flowjoy.model import Look, ModelVersion, Outcome, Precision
from flowjoy.reconcile import aside, gone, gone_since, has_shrunk, reread_since, with_code, with_looks, with_models
from tests.builders import a_deploy, a_ship, at


def test_reread__goes_back_as_far_as_things_may_have_changed_or_a_clock_is_open() -> None:
    sla = timedelta(hours=48)
    memory = Memory(code_known_at=at(1000))
    assert reread_since(memory, timedelta(hours=100), sla) == at(900 - 48)
    assert reread_since(replace(memory, open_since=at(10)), timedelta(hours=100), sla) == at(10 - 48)
    assert reread_since(memory, None, sla) is None
    assert reread_since(Memory(), timedelta(hours=100), sla) is None


def test_with_code__what_was_not_asked_for_is_not_gone() -> None:
    memory = Memory(code=(a_deploy(0, "a", id="deployment:1", created_at=at(0)),))
    (kept,) = with_code(memory, [], at(1))
    assert (kept.source_gone, gone([kept])) == (False, ())
    for asked_since in (at(0), None):
        (forgotten,) = with_code(memory, [], asked_since)
        assert forgotten.source_gone
    assert gone([forgotten]) == ("known from the ledger only, the source no longer shows it: deployment:1",)


def test_with_code__what_the_source_says_now_counts() -> None:
    moved = a_deploy(3, "a", id="deployment:1", created_at=at(0))
    memory = Memory(code=(replace(moved, shipped_at=at(0)),))
    assert with_code(memory, [moved], at(-1)) == (moved,)


@pytest.mark.parametrize(
    "changes", [{"run_id": "77"}, {"run_id": None}, {"environment": "elsewhere"}, {"sha": "b"}], ids=str
)
def test_with_code__what_the_source_shows_is_never_pushed_out_by_an_older_reading_of_it(
    changes: dict[str, Any],
) -> None:
    """A status with a log address came later: the same deployment now has a run."""
    shown = a_deploy(0, "a", id="deployment:1", created_at=at(0), run_id="90")
    memory = Memory(code=(replace(shown, **changes),))
    assert with_code(memory, [shown], at(-1)) == (shown,)


def test_with_code__a_success_that_was_confirmed_once_stays() -> None:
    record = a_deploy(0, "a", id="deployment:1", created_at=at(0))
    found = [replace(record, outcome=Outcome.FAILED)]
    (kept,) = with_code(Memory(code=(record,)), found, at(-1))
    assert (kept.outcome, kept.source_gone) == (Outcome.SUCCESS, True)


def test_with_code__a_failure_that_is_gone_is_no_loss() -> None:
    record = a_deploy(0, "a", id="deployment:1", created_at=at(0), outcome=Outcome.FAILED)
    assert with_code(Memory(code=(record,)), [], at(-1)) == ()


def test_with_code__jobs_of_one_release_are_one_event_across_runs() -> None:
    first = a_deploy(0, "a", id="deployment:1", run_id="9", created_at=at(0))
    second = a_deploy(1, "a", id="deployment:2", run_id="9", created_at=at(1))
    assert with_code(Memory(code=(first,)), [second], at(-1)) == (second,)  # the first one is gone
    assert with_code(Memory(code=(first,)), [second], at(0.5)) == (first,)  # it was not asked for, and is the earlier


def test_shrunk__fewer_than_there_were_and_came() -> None:
    memory = Memory(code_known_at=at(10), code_total=5)
    new = a_deploy(12, created_at=at(11))
    assert not has_shrunk(memory, [new], 6)
    assert has_shrunk(memory, [new], 5)
    assert not has_shrunk(memory, [new], None)
    assert not has_shrunk(Memory(), [new], 0)


def test_with_models__only_those_asked_for() -> None:
    memory = Memory(models=(a_ship(0, "1"), a_ship(0, "1", model="ranker")))
    found = with_models(memory, [], ["recommender"], [])
    assert [(item.name, item.source_gone) for item in found] == [("recommender", True)]
    assert [item.name for item in aside(memory, ["recommender"])] == ["ranker"]


def test_with_models__of_a_version_that_is_listed_the_registry_s_word_holds() -> None:
    memory = Memory(models=(a_ship(0, "1"), a_ship(0, "2")))
    listed = [ModelVersion(name="recommender", version="1", ready=True)]
    assert [item.version for item in with_models(memory, [], ["recommender"], listed)] == ["2"]


def test_with_models__a_stamp_that_was_moved_later_ships_the_version_again_and_not_anew() -> None:
    first = a_ship(0, "5", id="model:recommender/5")
    moved = replace(first, shipped_at=at(60), source="s3://models/5")
    listed = [ModelVersion(name=first.name, version="5", ready=True)]
    shown = with_models(Memory(models=(first,)), [moved], [first.name], listed)
    assert [(record.id, record.shipped_at) for record in shown] == [
        ("model:recommender/5", at(0)),
        ("model:recommender/5@2024-06-05T21:00:00Z", at(60)),
    ]
    assert {record.source for record in shown} == {"s3://models/5"}
    assert not any(record.source_gone for record in shown)
    # The next run finds both in its ledger, and the registry says the same.
    assert with_models(Memory(models=shown), [moved], [first.name], listed) == shown
    earlier = replace(first, shipped_at=at(-5))
    assert with_models(Memory(models=(first,)), [earlier], [first.name], listed) == (earlier,)
    registered = replace(first, precision=Precision.REGISTERED)
    assert with_models(Memory(models=(registered,)), [moved], [first.name], listed) == (moved,)


def test_with_models__a_stamp_outlives_the_version_that_was_only_seen_since() -> None:
    stamped = a_ship(1, "1", id="model:recommender/1")
    seen = replace(stamped, shipped_at=at(5), precision=Precision.OBSERVED, source_gone=True)
    (kept,) = with_models(Memory(models=(stamped,)), [seen], ["recommender"], [])
    assert (kept.shipped_at, kept.source_gone) == (at(1), True)


def test_gone_since__is_the_first_time_that_a_version_was_missed() -> None:
    missed = [replace(a_ship(1, number), source_gone=True) for number in "123"]
    memory = Memory(models_gone={"recommender/1": at(5), "recommender/3": at(6), "recommender/4": at(7)})
    back = [ModelVersion(name="recommender", version="3", ready=True)]
    assert gone_since(memory, [*missed[:2], a_ship(1, "3")], back, at(9)) == {
        "recommender/1": at(5),
        "recommender/2": at(9),
        "recommender/4": at(7),  # not asked for now
    }


def test_reread__goes_back_to_what_was_under_way_or_is_held_to_be_gone() -> None:
    sla = timedelta(hours=48)
    for changes in ({"under_way": True, "outcome": Outcome.FAILED}, {"source_gone": True}):
        memory = Memory(code_known_at=at(5000), code=(a_deploy(7, created_at=at(6), **changes),))
        assert reread_since(memory, timedelta(hours=100), sla) == at(6 - 48)


def test_looks__before_the_horizon_leave_the_last_one_of_each_model() -> None:
    looks = [Look(model=name, signal="alias:x", at=at(hours), version="1") for name in "ab" for hours in (1, 2, 9)]
    kept = since_horizon(looks, at(5))
    assert [(look.model, look.at) for look in kept] == [("a", at(2)), ("a", at(9)), ("b", at(2)), ("b", at(9))]


def test_looks__inside_a_stay_are_not_kept() -> None:
    looks = [
        Look(model="m", signal="alias:live", at=at(hour), version=version) for hour, version in enumerate("1112111")
    ]
    assert [look.at for look in with_looks(Memory(), looks)] == [at(0), at(2), at(3), at(4), at(6)]
