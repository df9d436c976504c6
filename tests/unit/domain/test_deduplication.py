"""What sources hand over becomes one record an event, in whatever order and however often it came."""

from __future__ import annotations

import itertools
import random
from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from flowjoy.domain import CodeRecord, ModelRecord, Outcome
from flowjoy.domain.deduplication import fold, shipped_again, unique
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


def test_fold__another_run_sha_or_service_is_another_event() -> None:
    first = a_job(1, 1)
    others = [
        a_job(2, 2, run="2"),
        a_deploy(2, "b", run_id="1", id="deployment:3"),
        a_deploy(2, "a", run_id="1", id="deployment:4", service="api"),
    ]
    assert len(fold([first, *others])) == 4


def in_region(hours: float, sha: str, region: str, run: str) -> CodeRecord:
    return a_deploy(hours, sha, run_id=run, environment=f"production-{region}", id=f"deployment:{sha}{region}{hours}")


def ids(records: tuple[CodeRecord, ...]) -> list[str]:
    return [record.id for record in sorted(records, key=lambda record: record.shipped_at)]


def test_fold__several_environments_of_one_run_are_one_event_at_the_earliest_success() -> None:
    first = in_region(1, "a", "eu", "1")
    assert fold([in_region(3, "a", "us", "1"), first]) == (first,)


def test_fold__an_environment_that_receives_an_old_release_late_rolls_nothing_back() -> None:
    # EU is a release ahead: what reaches US afterwards is no return to it.
    jobs = [in_region(1, "a", "eu", "1"), in_region(2, "b", "eu", "2"), in_region(3, "a", "us", "1")]
    assert ids(fold(jobs)) == ["deployment:aeu1", "deployment:beu2"]
    assert ids(fold([*jobs, in_region(4, "b", "us", "2")])) == ["deployment:aeu1", "deployment:beu2"]


def test_fold__a_rollback_counts_once_the_last_environment_left_the_newer_commit() -> None:
    jobs = [
        in_region(hours, sha, region, run)
        for hours, sha, run in ((1, "a", "1"), (2, "b", "2"))
        for region in ("eu", "us")
    ]
    back = [in_region(5, "a", "eu", "3"), in_region(6, "a", "us", "3")]
    assert ids(fold([*jobs, back[0]])) == ["deployment:aeu1", "deployment:beu2"]
    assert ids(fold([*jobs, *back])) == ["deployment:aeu1", "deployment:beu2", "deployment:aus6"]


def test_fold__a_rerun_of_an_old_release_after_another_went_live_is_an_event_of_its_own() -> None:
    jobs = [a_job(1, 1), a_deploy(2, "b", run_id="2", id="deployment:2"), a_job(3, 3), a_job(4, 4)]
    assert ids(fold(jobs)) == ["deployment:1", "deployment:2", "deployment:3"]


def test_fold__a_rerun_while_nothing_else_went_live_changes_nothing() -> None:
    assert ids(fold([a_job(1, 1), a_job(30, 2), a_deploy(40, "b", run_id="2", id="deployment:3")])) == [
        "deployment:1",
        "deployment:3",
    ]


FULL, OTHER = "ab" * 20, "ab" * 19 + "cd"


def shas_of(*written: str | None) -> list[str | None]:
    """What each of these shas is after the fold, in the order of its deploy."""
    folded = fold(a_deploy(hours, sha, id=f"deployment:{hours}") for hours, sha in enumerate(written))
    return [record.sha for record in folded]


def test_sha__capitals_and_an_abbreviation_name_the_same_commit() -> None:
    assert shas_of(FULL, FULL.upper(), FULL[:7], FULL[:12].upper()) == [FULL] * 4


def test_sha__an_abbreviation_of_two_commits_stays_one_of_its_own() -> None:
    assert shas_of(FULL, OTHER, FULL[:10]) == [FULL, OTHER, FULL[:10]]
    assert shas_of(FULL, OTHER, FULL[:39]) == [FULL, OTHER, FULL]


def test_sha__fewer_than_seven_digits_and_other_words_abbreviate_nothing() -> None:
    assert shas_of(FULL, FULL[:6], "Release-7", None) == [FULL, FULL[:6], "Release-7", None]


@given(jobs=JOBS, chance=st.randoms())
def test_fold__shuffled_and_duplicated_gives_the_same(jobs: list[CodeRecord], chance: random.Random) -> None:
    again = [*jobs, *jobs]
    chance.shuffle(again)
    assert fold(again) == fold(jobs)
    assert fold(fold(jobs)) == fold(jobs)


@given(jobs=JOBS)
def test_fold__agrees_with_looking_at_every_pair(jobs: list[CodeRecord]) -> None:
    kept = unique(jobs)
    successes = sorted(
        (job for job in kept if job.outcome is Outcome.SUCCESS), key=lambda job: (job.shipped_at, job.id)
    )
    expected = set()
    for index, job in enumerate(successes):
        # Back to the job that another commit went live before: had its release been deployed since then?
        stretch = itertools.takewhile(partial(_same_commit, job), reversed(successes[:index]))
        if not any(_same_release(job, other) for other in stretch):
            expected.add(job.id)
    for job in kept:
        group = [other for other in kept if other == job or _same_release(job, other)]
        if not any(other.outcome is Outcome.SUCCESS for other in group):
            expected.add(min(group, key=lambda other: (_RANK[other.outcome], other.shipped_at, other.id)).id)
    assert [job.id for job in fold(jobs)] == sorted(expected)


_RANK = {Outcome.PROVISIONAL: 1, Outcome.FAILED: 2}


def _same_commit(one: CodeRecord, other: CodeRecord) -> bool:
    return one.sha is not None and one.sha == other.sha


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
    assert unique(shuffled) == unique(seen) == (an_incident(0, hours=max(ends), id="incident:1"),)


def test_unique__of_an_incident_met_open_and_ended_the_end_counts() -> None:
    seen = [an_incident(0, hours=None, id="incident:1"), an_incident(0, hours=2, id="incident:1")]
    assert unique(seen) == unique(reversed(seen)) == (seen[1],)


def test_unique__half_a_surrogate_pair_becomes_a_replacement_sign() -> None:
    (result,) = unique([an_incident(1, id="a\ud83d", title="\udc00b")])
    assert (result.id, result.title) == ("a\ufffd", "\ufffdb")
    total = an_incident(1, title="😀")
    assert unique([total]) == (total,)


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
