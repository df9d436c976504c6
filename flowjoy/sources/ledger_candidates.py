"""The artifacts that may be ledgers. A pull request may upload any number of others under the ledger's name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from flowjoy.clients.github import PER_PAGE, GitHubApi
from flowjoy.clients.github_branches import DefaultBranch
from flowjoy.clients.responses import Id, Many, Response, reader
from flowjoy.errors import HarvestError
from flowjoy.report.text import plural
from flowjoy.sources.base import HarvestQuery
from flowjoy.sources.earlier_reports import Artifact, Artifacts

MAX_LOOKUPS = 12
"""How many runs are asked for their event, one request each: of the default branch, and of others."""

MAX_PAGES = 10
MAX_NAMES = 50
"""How many names of branches are asked for; a run on another one counts as a lookup."""

_SHOWN = 5


class FloodError(HarvestError):
    """There are more artifacts than can be examined."""


class _Run(Response):
    id: Id


class _OwnRun(_Run):
    workflow_id: Id


class _Runs(Response):
    workflow_runs: Many[_Run]


class Candidates:
    """The artifacts of the ledger's name that a run of this repository made, newest first, page by page.

    Each comes with the commits of its page. Those of forks and of other branches cost no request of their own. Raises
    FloodError if there are too many.
    """

    def __init__(self, github: GitHubApi, query: HarvestQuery, branch: DefaultBranch | None) -> None:
        self._github, self._query, self._branch = github, query, branch
        self._forks = 0
        self._of_branches: Counter[str] = Counter()
        self._names: set[str] = set()

    @property
    def ignored(self) -> tuple[str, ...]:
        """The notes on artifacts of forks and of other branches, if there were any."""
        forks = (f"{plural(self._forks, 'artifact')} of this name ignored: from forks",) if self._forks else ()
        if not self._of_branches:
            return forks
        shown = ", ".join(sorted(self._of_branches)[:_SHOWN])
        count = plural(self._of_branches.total(), "artifact")
        return (*forks, f"{count} of this name ignored: from other branches ({shown})")

    def __iter__(self) -> Iterator[tuple[Artifact, list[str]]]:
        name, github = self._query.settings.artifact_name, self._github
        lookups = {True: 0, False: 0}
        for page in range(1, MAX_PAGES + 1):
            listed = github.get("/actions/artifacts", reader(Artifacts), name=name, per_page=PER_PAGE, page=page)
            newest = sorted(self._of_this_repository(listed.artifacts), key=lambda item: -item.id)
            shas = [item.workflow_run.head_sha for item in newest][:MAX_LOOKUPS]
            self._look_up(newest)
            for item in newest:
                if self._is_of_other_branch(item):
                    self._of_branches[str(item.workflow_run.head_branch)] += 1
                    continue
                on_default = item.workflow_run.head_branch == self._query.default_branch
                lookups[on_default] += 1
                if lookups[on_default] <= MAX_LOOKUPS:
                    yield item, shas
            if not listed.artifacts and listed.total_count > (page - 1) * PER_PAGE:
                raise HarvestError("GitHub artifacts: the list ends before all of them", hint="run again")
            if page * PER_PAGE >= listed.total_count:
                break
        else:
            raise FloodError(f"more than {MAX_PAGES * PER_PAGE} artifacts are named {name!r}", hint="set artifact-name")
        if max(lookups.values()) > MAX_LOOKUPS:
            raise FloodError(
                f"more than {MAX_LOOKUPS} artifacts named {name!r} are of untrusted runs", hint="set artifact-name"
            )

    def of_newest_runs(self) -> Iterator[tuple[Artifact, list[str]]]:
        """Yield the artifacts of the newest runs of this workflow on the default branch, one request a run.

        A flood does not push them out of sight: only the default branch has runs there.
        """
        query, github = self._query, self._github
        if query.run_id is None or query.default_branch is None:
            return
        own = github.get(f"/actions/runs/{query.run_id}", reader(_OwnRun))
        path = f"/actions/workflows/{own.workflow_id}/runs"
        listed = github.get(path, reader(_Runs), branch=query.default_branch, per_page=MAX_LOOKUPS)
        for run in listed.workflow_runs:
            name = query.settings.artifact_name
            answer = github.get(f"/actions/runs/{run.id}/artifacts", reader(Artifacts), name=name, per_page=PER_PAGE)
            for item in self._of_this_repository(answer.artifacts):
                yield item, []

    def _of_this_repository(self, artifacts: Iterable[Artifact]) -> Iterator[Artifact]:
        for item in artifacts:
            if item.name != self._query.settings.artifact_name or item.expired:
                continue
            if item.workflow_run.head_repository_id != item.workflow_run.repository_id:
                self._forks += 1
                continue
            yield item

    def _look_up(self, artifacts: Iterable[Artifact]) -> None:
        """Ask which of the names are tags, many at once."""
        if self._branch is None:
            return
        wanted = {str(item.workflow_run.head_branch) for item in artifacts if self._is_named(item)} - self._names
        some = sorted(wanted)[: MAX_NAMES - len(self._names)]
        self._branch.look_up_names(some)
        self._names.update(some)

    def _is_named(self, item: Artifact) -> bool:
        """Return whether the run of an artifact is on another ref; that of a deployment may be on a commit."""
        run = item.workflow_run
        return bool(run.head_branch) and run.head_branch not in (self._query.default_branch, run.head_sha)

    def _is_of_other_branch(self, item: Artifact) -> bool:
        name = str(item.workflow_run.head_branch)
        return self._branch is not None and name in self._names and not self._branch.is_tag(name)
