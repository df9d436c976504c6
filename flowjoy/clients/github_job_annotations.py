"""The annotations of workflow jobs: the one trace that a step leaves in its job, whatever calls it."""

from __future__ import annotations

from collections.abc import Iterable

from flowjoy.clients.github import PER_PAGE, GitHubApi
from flowjoy.clients.parallel import side_by_side
from flowjoy.clients.responses import Response, reader


class _Annotation(Response):
    title: str | None


def with_title(github: GitHubApi, job_ids: Iterable[int], title: str) -> frozenset[int]:
    """Return the jobs with an annotation of this title, one request each. A job is a check run with the same id."""

    def has_one(job_id: int) -> bool:
        path = f"/check-runs/{job_id}/annotations"
        annotations = github.get(path, reader(list[_Annotation]), per_page=PER_PAGE)
        return any(annotation.title == title for annotation in annotations)

    asked = sorted(set(job_ids))
    return frozenset(job for job, matches in zip(asked, side_by_side(has_one, asked), strict=True) if matches)
