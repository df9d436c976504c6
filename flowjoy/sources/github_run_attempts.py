"""The releases of one run of a workflow: when each of its attempts, or the jobs that deploy, went live."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from flowjoy.clients import github_jobs
from flowjoy.clients.github_runs import Run
from flowjoy.domain import CodeRecord, Outcome
from flowjoy.sources.base import HarvestQuery, stamp_of


def releases_nothing(run: Run, repository: str) -> str:
    """Return why a run is not a release, whatever its branch; empty if it may be one.

    A fork's branch may have the same name, and a pull request does not release anything.
    """
    home = "" if run.head_repository is None else run.head_repository.full_name
    if home.lower() != repository.lower():
        return f"from another repository, {home or 'which is gone'}"
    return f"event {run.event}, which releases nothing" if run.of_pull_request else ""


@dataclass(frozen=True, kw_only=True)
class Attempts:
    """A run as of its last attempt, and its earlier attempts, oldest first.

    `jobs`: its deploy jobs; None if they were not read, then `known_end` is their end according to the ledger, if any.
    """

    run: Run
    earlier: tuple[Run, ...] = ()
    jobs: tuple[github_jobs.Job, ...] | None = None
    known_end: datetime | None = None

    @property
    def key(self) -> str:
        """The id of the run's record."""
        return f"run:{self.run.id}"

    @property
    def _name(self) -> str:
        return f"GitHub run {self.run.id}"

    def deployed_nothing(self, query: HarvestQuery) -> bool:
        """Return whether the run is over and its deploy job succeeded in none of its attempts."""
        if not query.settings.deploy_job or not self.run.is_over:
            return False
        return self.key not in query.known_code and not any(job.succeeded for job in self.jobs or ())

    def ends(self, query: HarvestQuery) -> list[tuple[int, datetime]]:
        """Return when each successful attempt went live, oldest first: the end of its deploy job, or of the attempt."""
        if not query.settings.deploy_job:
            succeeded = (run for run in (*self.earlier, self.run) if run.succeeded)
            return [(run.run_attempt, stamp_of(run.updated_at, self._name, query)) for run in succeeded]
        if self.jobs is None:
            return [] if self.known_end is None else [(1, self.known_end)]
        ends: dict[int, datetime] = {}
        for job in self.jobs:
            if job.succeeded and job.completed_at is not None:
                at = stamp_of(job.completed_at, f"{self._name}, job {job.id}", query)
                ends[job.run_attempt] = min(at, ends.get(job.run_attempt, at))
        return sorted(ends.items())

    def records(self, query: HarvestQuery) -> Iterator[CodeRecord]:
        """Yield a record for each attempt that went live; without one, a record of the last attempt's state."""
        run = self.run
        ends = [(attempt, end) for attempt, end in self.ends(query) if end <= query.as_of]
        outcome, under_way = Outcome.SUCCESS, False
        if not ends:
            under_way = not run.is_over
            outcome, at = Outcome.FAILED, stamp_of(run.updated_at, self._name, query)
            if under_way and str(run.id) == query.run_id:
                outcome, at, under_way = Outcome.PROVISIONAL, query.as_of, False
            ends = [(0, at)]
        for index, (attempt, at) in enumerate(ends):
            yield CodeRecord(
                id=self.key if index == 0 else f"{self.key}@{attempt}",
                service=query.settings.service,
                environment=query.settings.environments,
                sha=run.head_sha,
                shipped_at=at,
                run_id=str(run.id),
                outcome=outcome,
                created_at=stamp_of(run.created_at, self._name, query),
                under_way=under_way,
                url=f"{query.server_url}/{query.repository}/actions/runs/{run.id}",
            )
