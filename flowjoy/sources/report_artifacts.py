"""The newest trusted report of each service of a repository, among its artifacts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from flowjoy.actions.trusted_runs import distrust
from flowjoy.clients.github import PER_PAGE, GitHubApi
from flowjoy.clients.github_branches import DefaultBranch
from flowjoy.clients.responses import reader
from flowjoy.domain.bundle import Bundle
from flowjoy.errors import BundleError
from flowjoy.ledger.bundle_format import from_json
from flowjoy.sources.earlier_reports import Artifact, Artifacts, bundle_bytes_in, content_of, run_of

MAX_PAGES = 5
MAX_LOOKUPS = 5
"""How many artifacts of one name are examined, the newest first."""

PREFIX = "flowjoy-"


@dataclass(frozen=True, kw_only=True)
class TrustedReport:
    """A trusted report: the artifact it came in, and its bundle."""

    artifact: int
    bundle: Bundle
    raw: bytes


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """An artifact that looks like a report and is not trusted, or not one. `artifact`: its id."""

    artifact: int
    reason: str


def newest_reports(
    github: GitHubApi, default_branch: str, knows: Callable[[int], bool | None]
) -> Iterator[TrustedReport | Refusal]:
    """Yield the newest trusted report of each name unless it is stored, and the artifacts refused before it.

    `knows`: True for an artifact that is stored, False for one that was refused before, else None. Raise HarvestError
    when GitHub does not answer.
    """
    branch = DefaultBranch(github=github, name=default_branch)
    for artifacts in _by_name(github).values():
        shas = [item.workflow_run.head_sha for item in artifacts[:MAX_LOOKUPS]]
        for artifact in artifacts[:MAX_LOOKUPS]:
            if knows(artifact.id) is None:
                yield _opened(github, branch, artifact, shas)
            if knows(artifact.id):
                break


def _opened(
    github: GitHubApi, branch: DefaultBranch, artifact: Artifact, shas: Sequence[str]
) -> TrustedReport | Refusal:
    try:
        reason = distrust(run_of(artifact, github), github.repository, branch, shas)
        if reason is not None:
            return Refusal(artifact=artifact.id, reason=reason)
        raw = bundle_bytes_in(content_of(github, artifact))
        bundle = from_json(raw)
        if bundle.repository.lower() != github.repository.lower():
            return Refusal(artifact=artifact.id, reason="its bundle is of another repository")
        return TrustedReport(artifact=artifact.id, bundle=bundle, raw=raw)
    except BundleError as problem:
        return Refusal(artifact=artifact.id, reason=str(problem))


def _by_name(github: GitHubApi) -> dict[str, list[Artifact]]:
    """Return the artifacts of this repository's own runs that may be reports, newest first, by name."""
    named: dict[str, dict[int, Artifact]] = {}
    for page in range(1, MAX_PAGES + 1):
        answer = github.get("/actions/artifacts", reader(Artifacts), per_page=PER_PAGE, page=page)
        for item in answer.artifacts:
            if item.is_own and item.name.startswith(PREFIX) and not item.expired:
                named.setdefault(item.name, {})[item.id] = item
        if page * PER_PAGE >= answer.total_count or not answer.artifacts:
            break
    return {name: [listed[number] for number in sorted(listed, reverse=True)] for name, listed in sorted(named.items())}
