"""Trusted ledgers under other names, for a proposal whose own inputs name a service that does not have a ledger.

Artifacts of any name are listed. Every step is bounded.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest

from flowjoy.actions.trusted_runs import distrust
from flowjoy.clients.github import PER_PAGE, GitHubApi
from flowjoy.clients.github_branches import DefaultBranch
from flowjoy.clients.responses import reader
from flowjoy.domain.bundle import Bundle
from flowjoy.errors import BundleError, HarvestError
from flowjoy.ledger.memory import why_not
from flowjoy.sources.base import HarvestQuery
from flowjoy.sources.earlier_reports import Artifact, Artifacts, bundle_in, content_of, run_of

MAX_PAGES = 10
MAX_LOOKUPS = 24
MAX_OPENED = 12
LARGEST_BYTES = 5 << 20
"""A report is rarely larger; artifacts of other jobs often are."""

_PREFIX = "flowjoy"


def read(query: HarvestQuery, github: GitHubApi) -> tuple[Bundle, ...]:
    """Return the newest trusted ledger under each name, newest first; if any is of the query's service, only those.

    Raise HarvestError when GitHub does not answer.
    """
    if query.default_branch is None:
        raise HarvestError("the default branch is not known, so no earlier run can be trusted", hint="run again")
    branch = DefaultBranch(github=github, name=query.default_branch, commit=query.default_commit)
    newest_by_name: dict[str, Bundle] = {}
    opened = 0
    looked_up = 0
    for artifact in _likely(query, github):
        if artifact.name in newest_by_name:
            continue
        if opened == MAX_OPENED or looked_up == MAX_LOOKUPS:
            break
        looked_up += 1
        if distrust(run_of(artifact, github), query.repository, branch, ()) is not None:
            continue
        opened += 1
        try:
            bundle = bundle_in(content_of(github, artifact))
        except BundleError:
            continue
        if why_not(bundle, repository=query.repository, now=query.now) is None:
            newest_by_name[artifact.name] = bundle
    newest = sorted(newest_by_name.values(), key=lambda bundle: bundle.generated_at, reverse=True)
    own = tuple(bundle for bundle in newest if bundle.service == query.settings.service)
    return own or tuple(newest)


def _likely(query: HarvestQuery, github: GitHubApi) -> Iterator[Artifact]:
    """Yield the artifacts that may be ledgers: the newest of each name, then the second of each, and so on.

    A service that runs often must not hide the others.
    """
    listed = {artifact.id: artifact for artifact in _listed(query, github)}
    likely = [
        artifact
        for artifact in listed.values()
        if not artifact.expired and artifact.size_in_bytes <= LARGEST_BYTES and artifact.is_own
    ]

    def order(artifact: Artifact) -> tuple[bool, bool, int]:
        elsewhere = artifact.workflow_run.head_branch != query.default_branch
        return elsewhere, not artifact.name.startswith(_PREFIX), -artifact.id

    by_name: dict[str, list[Artifact]] = {}
    for artifact in sorted(likely, key=order):
        by_name.setdefault(artifact.name, []).append(artifact)
    names = sorted(by_name, key=lambda name: order(by_name[name][0]))
    turns = zip_longest(*(by_name[name] for name in names))
    return (artifact for turn in turns for artifact in turn if artifact is not None)


def _listed(query: HarvestQuery, github: GitHubApi) -> Iterator[Artifact]:
    """Yield the artifacts of the default names, and the newest of any name."""
    for service in sorted({query.settings.service, query.repository.rpartition("/")[2]}):
        name = f"{_PREFIX}-{service}"
        yield from github.get("/actions/artifacts", reader(Artifacts), name=name, per_page=PER_PAGE).artifacts
    for page in range(1, MAX_PAGES + 1):
        answer = github.get("/actions/artifacts", reader(Artifacts), per_page=PER_PAGE, page=page)
        yield from answer.artifacts
        if page * PER_PAGE >= answer.total_count or not answer.artifacts:
            break
