"""What sources hand over becomes one record an event, in whatever order and however often it came."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from flowjoy.model import CodeRecord, ModelRecord, Outcome
from flowjoy.records import fold, shipped_again, unique
from tests.builders import a_deploy, a_ship, an_incident, at

JOBS = st.lists(
    st.builds(
        lambda hours, sha, run, outcome, number: a_deploy(
            hours, sha, run_id=run, outcome=outcome, id=f"deployment:{number}"
        ),
        hours=st.integers(0, 5),
        sha=st.sampled_from(["a", "b", None]),
        run=st.sampled_from(["1", "2", None]),
        outcome=st.sampled_from(Outcome),
        number=st.integers(0, 12),
    ),
    max_size=12,
)


def a_job(hours: float, number: int, outcome: Outcome = Outcome.SUCCESS, run: str | None = "1") -> CodeRecord:
    """One job of a matrix that deploys sha a."""
    return a_deploy(hours, "a", run_id=run, outcome=outcome, id=f"deployment:{number}")


def test_fold__matrix_jobs_of_one_run_and_sha_are_one_event_at_their_earliest_success() -> None:
    assert fold([a_job(3, 1), a_job(1, 2), a_job(2, 3)]) == (a_job(1, 2),)


def test_fold__of_two_successes_at_one_instant_the_smaller_id_names_the_event() -> None:
    assert fold([a_job(1, 2), a_job(1, 1)]) == (a_job(1, 1),)


def test_fold__a_success_counts_although_an_earlier_attempt_failed() -> None:
    assert fold([a_job(1, 1, Outcome.FAILED), a_job(4, 2)]) == (a_job(4, 2),)


def test_fold__a_success_counts_although_a_sister_job_still_runs() -> None:
    assert fold([a_job(1, 1, Outcome.PROVISIONAL), a_job(4, 2)]) == (a_job(4, 2),)


def test_fold__without_a_success_this_very_run_is_provisional() -> None:
    running = a_job(4, 2, Outcome.PROVISIONAL)
    assert fold([a_job(1, 1, Outcome.FAILED), running]) == (running,)


def test_fold__a_group_that_never_succeeded_is_one_failure() -> None:
    assert fold([a_job(2, 1, Outcome.FAILED), a_job(1, 2, Outcome.FAILED)]) == (a_job(1, 2, Outcome.FAILED),)


def test_fold__deployments_without_a_run_stand_for_themselves() -> None:
    alone = (a_job(1, 1, run=None), a_job(2, 2, run=None))
    assert fold(alone) == alone


def test_fold__records_without_a_sha_stand_for_themselves() -> None:
    alone = tuple(a_deploy(hours, None, run_id="1", id=f"deployment:{hours}") for hours in (1, 2))
    assert fold(alone) == alone


def test_fold__another_run_sha_service_or_environment_is_another_event() -> None:
    first = a_job(1, 1)
    others = [
        a_job(2, 2, run="2"),
        a_deploy(2, "b", run_id="1", id="deployment:3"),
        a_deploy(2, "a", run_id="1", id="deployment:4", service="api"),
        a_deploy(2, "a", run_id="1", id="deployment:5", environment="staging"),
    ]
    assert len(fold([first, *others])) == 5


@given(jobs=JOBS, chance=st.randoms())
def test_fold__shuffled_and_duplicated_gives_the_same(jobs: list[CodeRecord], chance: random.Random) -> None:
    again = [*jobs, *jobs]
    chance.shuffle(again)
    assert fold(again) == fold(jobs)
    assert fold(fold(jobs)) == fold(jobs)


@given(jobs=JOBS)
def test_fold__agrees_with_looking_at_every_pair(jobs: list[CodeRecord]) -> None:
    kept = unique(jobs)
    together = [[other for other in kept if other == one or _same_release(one, other)] for one in kept]
    expected = set()
    for group in together:
        best = min(group, key=lambda job: (_RANK[job.outcome], job.shipped_at, job.id))
        expected.add(best.id)
    assert [job.id for job in fold(jobs)] == sorted(expected)


_RANK = {Outcome.SUCCESS: 0, Outcome.PROVISIONAL: 1, Outcome.FAILED: 2}


def _same_release(one: CodeRecord, other: CodeRecord) -> bool:
    return None not in (one.run_id, one.sha) and (one.run_id, one.sha) == (other.run_id, other.sha)


def test_unique__one_record_an_id_sorted_by_id() -> None:
    records = [an_incident(3, id="b"), an_incident(1, id="c"), an_incident(2, id="a"), an_incident(3, id="b")]
    assert [record.id for record in unique(records)] == ["a", "b", "c"]
    assert unique([]) == ()


@given(ends=st.lists(st.integers(1, 9), min_size=1, max_size=5), chance=st.randoms())
def test_unique__of_records_that_differ_the_same_one_stays_whatever_the_order(
    ends: list[int], chance: random.Random
) -> None:
    seen = [an_incident(0, hours=hours, id="incident:1") for hours in ends]
    shuffled = list(seen)
    chance.shuffle(shuffled)
    assert unique(shuffled) == unique(seen) == (min(seen, key=repr),)


def test_unique__half_a_surrogate_pair_becomes_a_replacement_sign() -> None:
    (found,) = unique([an_incident(1, id="a\ud83d", title="\udc00b")])
    assert (found.id, found.title) == ("a\ufffd", "\ufffdb")
    whole = an_incident(1, title="😀")
    assert unique([whole]) == (whole,)


def test_shipped_again__the_first_ship_keeps_the_id_and_later_ones_name_their_instant() -> None:
    ships = [a_ship(hours, "12", id="model:recommender/12") for hours in (30, 0, 6)]
    assert [(record.id, record.shipped_at) for record in shipped_again(ships)] == [
        ("model:recommender/12", at(0)),
        ("model:recommender/12@2024-06-03T15:00:00Z", at(6)),
        ("model:recommender/12@2024-06-04T15:00:00Z", at(30)),
    ]


@given(ships=st.lists(st.tuples(st.integers(0, 99), st.sampled_from(["1", "2"])), unique=True), chance=st.randoms())
def test_shipped_again__ids_are_unique_and_do_not_depend_on_the_order(
    ships: list[tuple[int, str]], chance: random.Random
) -> None:
    records = [a_ship(hours, version, id=f"model:recommender/{version}") for hours, version in ships]
    shuffled: list[ModelRecord] = list(records)
    chance.shuffle(shuffled)
    marked = shipped_again(shuffled)
    assert marked == shipped_again(records)
    assert len({record.id for record in marked}) == len(records)
