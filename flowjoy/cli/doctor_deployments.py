"""Why each of the last ten deployments, runs, releases or rows counted or not. Knows sources and kinds, no console."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flowjoy.analysis.promise.dependencies import HEAD, dependencies_of
from flowjoy.analysis.timeline import FIRST_LIVE, ID, KIND, TS, timeline
from flowjoy.clients import github_files
from flowjoy.clients.github_environments import is_meant
from flowjoy.clients.responses import reader
from flowjoy.domain import CodeRecord, Kind, ModelDependencies, Outcome, Rule, StubFile
from flowjoy.domain.bundle import RunParameters
from flowjoy.domain.deduplication import fold, release_key
from flowjoy.domain.timestamps import iso, parse_iso
from flowjoy.report.text import clean
from flowjoy.sources import CODE_SOURCES
from flowjoy.sources.base import Clients, HarvestQuery
from flowjoy.sources.file_columns import RowProblem
from flowjoy.sources.files import code_rows
from flowjoy.sources.github_deployments import (
    DEPLOYMENTS_QUERY,
    Deployment,
    Deployments,
    DeploymentsPage,
    other_environments,
    pull_request_of,
)
from flowjoy.sources.github_releases import Release, counts
from flowjoy.sources.github_workflow_runs import Attempts, Run, RunsPage, deployed_nothing, runs_path

TEN = 10
_AT_LEAST_OURS = 5
"""A busy preview environment must not push production out of sight."""

_RUNS = 50
_LATER = "not counted: it succeeded only after as-of"


@dataclass(frozen=True, kw_only=True)
class ListedDeployment:
    """One line's worth: `place` is its environment, branch or tag. `record` is None where it is none of ours.

    `why` is said where it makes no event by itself, whatever else was deployed.
    """

    at: datetime
    place: str
    sha: str | None
    why: str = ""
    record: CodeRecord | None = None


def look_around(query: HarvestQuery, access: Clients) -> Sequence[Any]:
    """GitHub's newest deployments or runs, whatever their environment or branch. Raises HarvestError.

    Releases and files need no such look: their sources read all there is.
    """
    around = _AROUND.get(query.settings.code_source)
    return () if around is None else around(query, access)


def entries(raw: Any, around: Sequence[Any], query: HarvestQuery) -> tuple[ListedDeployment, ...]:
    """The newest entries, at most ten, also of other environments and branches; newest first.

    `raw` is what the source's own fetch gave, None where that failed: then what is `around` must tell alone.
    """
    held = _ENTRIES[query.settings.code_source](raw, around, query)
    found = sorted(held, key=lambda entry: entry.at, reverse=True)
    room_for_others = TEN - min(_AT_LEAST_OURS, sum(entry.record is not None for entry in found))
    others = [entry for entry in found if entry.record is None][:room_for_others]
    ours = [entry for entry in found if entry.record is not None][:TEN]
    return tuple(sorted((*ours, *others), key=lambda entry: entry.at, reverse=True)[:TEN])


def lines(
    chosen: Sequence[ListedDeployment],
    known: Iterable[CodeRecord],
    stubs: Mapping[str, StubFile],
    query: HarvestQuery,
    terms: RunParameters,
) -> list[str]:
    """A line an entry: instant, place, sha and why it counted or not. `known` is the whole code timeline."""
    records = fold((*known, *(entry.record for entry in chosen if entry.record is not None)))
    dependence = dependencies_of(terms.models, stubs, terms.model_stub)
    judge = _Judge(records, dependence, query, terms)
    places = [clean(entry.place, 40) for entry in chosen]
    width = max(map(len, places), default=0)
    return [
        f"{iso(entry.at):<20}  {place:<{width}}  {clean(entry.sha or '-')[:12]:<12}  {judge.why(entry)}"
        for entry, place in zip(chosen, places, strict=True)
    ]


class _Judge:
    """The words for one entry, in the light of all that went live."""

    def __init__(
        self, records: Sequence[CodeRecord], dependence: ModelDependencies, query: HarvestQuery, terms: RunParameters
    ) -> None:
        self._dependence, self._terms = dependence, terms
        self._counted = {release_key(record): record for record in records}
        events = timeline(records, (), service=query.settings.service, until=query.as_of)
        stamps = events[TS].tolist()
        rows = zip(events[ID], events[KIND], events[FIRST_LIVE], strict=True)
        self._kinds = {name: (Kind(kind), stamps[int(first)]) for name, kind, first in rows}

    def why(self, entry: ListedDeployment) -> str:
        """Why it counted or not."""
        record = entry.record
        if record is None:
            return entry.why
        held = self._counted.get(release_key(record), record)
        if held.id != record.id and held.outcome is not Outcome.FAILED:
            into = f"another job of run {record.run_id}, folded into {held.id.replace(':', ' ')}"
            return f"{entry.why}; {into}" if entry.why else f"not counted: {into}"
        if record.outcome is Outcome.FAILED:
            return entry.why
        if record.outcome is Outcome.PROVISIONAL:
            return "not yet counted: this very run's release"
        if record.id not in self._kinds:
            return _LATER
        kind, first_live = self._kinds[record.id]
        if kind is Kind.ROLLBACK:
            return f"rollback to a sha of {iso(first_live)}: opens no clock, ends those of what it rolled back"
        return "redeploy: this sha was live already" if kind is Kind.REDEPLOY else self._deploy(record)

    def _deploy(self, record: CodeRecord) -> str:
        since, sha = self._terms.sla_since, record.sha or ""
        if since is not None and record.shipped_at < since:
            return "deploy: before sla-since: opens no clock"
        clock = f"deploy: opened a {self._terms.sla_hours:g} h clock"
        if sha in self._dependence.unreadable:
            return f"{clock}, but nobody knows for which model: {clean(self._dependence.unreadable[sha])}"
        asked = self._dependence.by_sha.get(sha, self._dependence.default)
        named = [clean(item.model) for item in asked if item.rule is not Rule.NONE]
        if named:
            return f"{clock} for {', '.join(named)}"
        return f"deploy: opens no clock, {'its stub asks for no model' if asked else 'no dependence is declared'}"


def _all_deployments(query: HarvestQuery, access: Clients) -> tuple[Deployment, ...]:
    stub = github_files.variables(query.settings.model_stub, [HEAD])
    page = access.to_github.graphql(
        "deployments of every environment",
        DEPLOYMENTS_QUERY,
        reader(DeploymentsPage),
        after=None,
        environments=None,
        **stub,
    )
    return page.deployments.nodes


def _deployments(
    raw: Deployments | None, around: Sequence[Deployment], query: HarvestQuery
) -> Iterator[ListedDeployment]:
    wanted, named = query.settings.environment, query.settings.environments
    ours = raw.nodes if raw is not None else [node for node in around if is_meant(node.environment, wanted)]
    for node in ours:
        number = pull_request_of(node)
        if number is not None:
            why = f"not counted: of pull request {number}, which puts nothing live"
            yield ListedDeployment(at=node.created_at, place=node.environment, sha=node.commit_oid, why=why)
            continue
        record = _one_record("deployments", Deployments(nodes=(node,)), query)
        why = _unshipped(node, record, other_environments(node, query))
        yield ListedDeployment(at=record.shipped_at, place=node.environment, sha=record.sha, record=record, why=why)
    for node in around:
        if not is_meant(node.environment, wanted):
            why = f"not counted: environment {clean(node.environment, 40)}, not {named}"
            yield ListedDeployment(at=node.created_at, place=node.environment, sha=node.commit_oid, why=why)


def _unshipped(node: Deployment, record: CodeRecord, elsewhere: tuple[str, ...]) -> str:
    """Why a deployment is no success; empty where it is one. `elsewhere`: the other environments that it reached."""
    if record.outcome is not Outcome.FAILED:
        return ""
    if elsewhere:
        return f"not counted: it succeeded only in {clean(', '.join(elsewhere), 80)}"
    statuses = node.statuses.nodes
    if any(status.state == "SUCCESS" for status in statuses):
        return _LATER
    # Of two at one instant the one that ends it.
    final = ("FAILURE", "ERROR", "INACTIVE")
    last = max(statuses, key=lambda status: (status.created_at, status.state in final), default=None)
    if last is None:
        return "not counted: still in progress (it has no status)"
    told = "still in progress" if record.under_way else "never succeeded"
    return f"not counted: {told} (last status {last.state.lower()})"


def _all_runs(query: HarvestQuery, access: Clients) -> tuple[Run, ...]:
    return access.to_github.get(runs_path(query), reader(RunsPage), per_page=_RUNS).workflow_runs


def _runs(raw: Sequence[Attempts] | None, around: Sequence[Run], query: HarvestQuery) -> Iterator[ListedDeployment]:
    ours = raw if raw is not None else [Attempts(run=run) for run in around if not _foreign(run, query)]
    for item in ours:
        run, place = item.run, str(item.run.head_branch)
        if deployed_nothing(item, query):
            job = clean(", ".join(query.settings.deploy_job), 40)
            why = f"not counted: its job {job} did not succeed" if raw is not None else f"its job {job} was not read"
            yield ListedDeployment(at=run.created_at, place=place, sha=run.head_sha, why=why)
            continue
        record = _one_record("workflow-runs", [item], query)
        yield ListedDeployment(
            at=record.shipped_at, place=place, sha=record.sha, record=record, why=_unfinished(run, record)
        )
    for run in around:
        if why := _foreign(run, query):
            yield ListedDeployment(
                at=run.created_at, place=str(run.head_branch), sha=run.head_sha, why=f"not counted: {why}"
            )


def _foreign(run: Run, query: HarvestQuery) -> str:
    """Why a run is no release of ours at all; empty where it is one."""
    home = "" if run.head_repository is None else run.head_repository.full_name
    wanted = query.settings.branch or query.default_branch
    if home.lower() != query.repository.lower():
        return f"from another repository, {clean(home, 80) or 'which is gone'}"
    if run.of_pull_request:
        return f"event {clean(run.event, 40)}, which releases nothing"
    return f"branch {clean(str(run.head_branch), 40)}, not {wanted}" if run.head_branch != wanted else ""


def _unfinished(run: Run, record: CodeRecord) -> str:
    if record.outcome is not Outcome.FAILED:
        return ""
    if record.under_way:
        return f"not counted: still in progress (status {run.status})"
    return _LATER if run.succeeded else f"not counted: conclusion {run.conclusion}"


def _releases(raw: Sequence[Release] | None, _: Sequence[object], query: HarvestQuery) -> Iterator[ListedDeployment]:
    for release in raw or ():
        kind = "a draft" if release.is_draft else "a pre-release" if release.is_prerelease else ""
        if not kind and not counts(release, query):
            kind = f"its tag does not match {', '.join(query.settings.release_tags)}"
        if kind:
            sha = None if release.tag_commit is None else release.tag_commit.oid
            yield ListedDeployment(at=release.created_at, place=release.tag_name, sha=sha, why=f"not counted: {kind}")
        else:
            record = _one_record("releases", [release], query)
            yield ListedDeployment(at=record.shipped_at, place=release.tag_name, sha=record.sha, record=record)


def _rows(raw: str | None, _: Sequence[object], query: HarvestQuery) -> Iterator[ListedDeployment]:
    """Return every row of the file; one that does not count is only shown, so a time that cannot be read hides it."""
    source, wanted = CODE_SOURCES["file"], query.settings.environments
    judged = code_rows(raw, query)[1] if raw is not None else ()
    if any(item.misfit is None for item in judged):
        for record in source.parse(raw, query).records:
            yield ListedDeployment(at=record.shipped_at, place=record.environment, sha=record.sha, record=record)
    for item in judged:
        try:
            at = parse_iso(item.row.get("ts") or "")
        except ValueError:
            continue
        if item.misfit is not None:
            word, place = clean(item.word, 40), wanted
            why = f"not counted: a row {item.misfit.value} ({word})"
            if item.misfit is RowProblem.ENVIRONMENT:
                place, why = item.word, f"not counted: environment {word}, not {wanted}"
            yield ListedDeployment(at=at, place=place, sha=item.row.get("sha"), why=why)


def _one_record(source: str, raw: Any, query: HarvestQuery) -> CodeRecord:
    """One entry as the source itself reads it, before jobs are folded."""
    records = CODE_SOURCES[source].parse(raw, query).records
    return min(records, key=lambda record: (record.shipped_at, record.id))


_AROUND: Mapping[str, Callable[[HarvestQuery, Clients], Sequence[Any]]] = {
    "deployments": _all_deployments,
    "workflow-runs": _all_runs,
}

_ENTRIES: Mapping[str, Callable[[Any, Sequence[Any], HarvestQuery], Iterator[ListedDeployment]]] = {
    "deployments": _deployments,
    "workflow-runs": _runs,
    "releases": _releases,
    "file": _rows,
}
