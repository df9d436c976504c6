"""Writes the two checks on GitHub and settles earlier ones. An external id identifies them, so none exists twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Literal

from flowjoy.clients.github import PER_PAGE, GitHubApi
from flowjoy.clients.github_checks import CheckRun, ListedChecks, SavedCheck
from flowjoy.clients.responses import Response, Sha, reader
from flowjoy.domain import CoverageState
from flowjoy.errors import HarvestError
from flowjoy.report import checks
from flowjoy.report.checks import Annotation, Check
from flowjoy.sinks.base import Publication
from flowjoy.sinks.check_identity import external_id, refused_in


class _Head(Response):
    sha: Sha


class _PullRequest(Response):
    state: Literal["open", "closed"]
    head: _Head


ANNOTATIONS_A_REQUEST = 50
SETTLED_DAYS = 14
"""An earlier run settled a release whose clocks ended longer ago, unless it never had a check."""

MAX_SETTLED = 40
_OURS = "flowjoy/"


class CheckRuns:
    """`FlowJoy / 48 h SLA` and, where code asks to go live, `FlowJoy / model dependency`."""

    label = "checks"

    def publish(self, publication: Publication, github: GitHubApi) -> Mapping[str, str]:
        """Write the checks of this run's commit and of what it deployed; a trusted run also settles older ones."""
        outputs = {}
        for check in self.render(publication):
            url, others = _save(check, publication, github)
            if others:
                _warn_of_shared_name(check, others, publication)
            if check.subject == "sla":
                outputs["check-url"] = url
        if publication.trigger.trusted:
            for check in _settling(publication):
                _settle(check, publication, github)
        # Last: a commit that is gone must not keep the others from being settled.
        for sha in publication.deployed:
            _save(_promise_check(publication, sha), publication, github)
        return outputs

    def render(self, publication: Publication) -> Iterator[Check]:
        """Yield the checks of this run's own commit."""
        sha, results = publication.trigger.sha, publication.results
        if sha is None:
            raise HarvestError("this run has no commit to write a check on")
        stub_path = publication.settings.model_stub
        yield _promise_check(publication, sha)
        if results.gate is not None:
            yield checks.gate_check(results.gate, sha, results, stub_path=stub_path, links=publication.report.links)
        elif publication.trigger.proposes:
            failed = [item.source for item in results.bundle.coverage if item.state is CoverageState.FAILED]
            yield checks.undecided_gate(f"{', '.join(failed) or 'something'} could not be read", sha)


def _promise_check(publication: Publication, sha: str) -> Check:
    """Return the check of the promise on one commit. Only the run's own commit gets annotations, which name lines."""
    return checks.promise_check(
        publication.results,
        sha,
        publication.report,
        stub_path=publication.settings.model_stub,
        lines=publication.lines if sha == publication.trigger.sha else {},
        report_url=publication.artifact_url,
    )


def name_of(check: Check, publication: Publication) -> str:
    """Return the name that people see and make required."""
    prefix, hours = publication.settings.check_name, publication.settings.sla_hours
    return f"{prefix} / {hours:g} h SLA" if check.subject == "sla" else f"{prefix} / model dependency"


def _settling(publication: Publication) -> Iterator[Check]:
    """Yield the checks of earlier releases whose last clock ended lately, newest first."""
    results = publication.results
    since = results.bundle.generated_at - timedelta(days=SETTLED_DAYS)
    recent = [item for item in results.obligations if item.sha and (item.closed_at or item.deadline) >= since]
    written = {publication.trigger.sha, *publication.deployed}
    newest_first = dict.fromkeys(item.sha for item in reversed(recent) if item.sha not in written)
    for sha in list(newest_first)[:MAX_SETTLED]:
        check = checks.settled_check(results, sha, publication.report.links) if sha is not None else None
        if check is not None:
            yield check


def _settle(check: Check, publication: Publication, github: GitHubApi) -> None:
    """Update the check of an earlier release, if it has one, to its final result."""
    current = _newest(_runs_of_name(check, publication, github), check, publication)
    if current is not None and (current.conclusion, current.output.title) != (check.conclusion, check.title):
        body = _body(check, publication, annotations=())
        github.send("PATCH", f"/check-runs/{current.id}", body, reader(SavedCheck))


def _warn_of_shared_name(check: Check, others: frozenset[str], publication: Publication) -> None:
    """Warn if another service writes a check of this name: a required check could not tell them apart."""
    if check.subject == "sla":
        name, service = name_of(check, publication), publication.settings.service
        publication.warn(
            f"checks: {name!r} of {', '.join(sorted(map(repr, others)))} is on this commit as well, so a branch rule "
            f"cannot tell the services apart. Set `check-name` for each service, as in `check-name: FlowJoy {service}`"
        )


def _save(check: Check, publication: Publication, github: GitHubApi) -> tuple[str, frozenset[str]]:
    """Create the check or update that of an earlier attempt. Return its URL and the other services with its name."""
    chunks = list(_chunks(check.annotations))
    others: set[str] = set()
    decided: list[Check] = []

    def locate() -> tuple[str, str, dict[str, Any]]:
        # Before every try, because a creation that seemed to fail may have succeeded.
        runs = _runs_of_name(check, publication, github)
        current = _newest(runs, check, publication)
        others.update(_services(runs, check) - {publication.settings.service})
        if current is not None and current.output.annotations_count:
            chunks.clear()  # GitHub appends the annotations of an update to the existing ones
        decided.append(_with_refusals(check, current, publication, github))
        body = _body(decided[-1], publication, annotations=chunks[0] if chunks else ())
        if current is not None:
            return "PATCH", f"/check-runs/{current.id}", body
        return "POST", "/check-runs", {**body, "head_sha": check.sha}

    saved = github.send_to(locate, reader(SavedCheck))
    for chunk in chunks[1:]:
        body = _body(decided[-1], publication, annotations=chunk)
        saved = github.send("PATCH", f"/check-runs/{saved.id}", body, reader(SavedCheck))
    return saved.html_url or "", frozenset(others)


def _with_refusals(check: Check, current: CheckRun | None, publication: Publication, github: GitHubApi) -> Check:
    """Return the merge gate for every pull request of the commit: a refusal ends by a run of its own pull request.

    Otherwise a second pull request into a branch with a milder stub would turn the required check of the first green.
    """
    if check.subject != "dependency":
        return check
    own = publication.report.links.pull_request
    before = refused_in(current.external_id, publication.settings.service, check.subject) if current else None
    refused = {number for number in (before or frozenset()) - {own} if _is_head(number, check.sha, github)}
    if refused and check.conclusion != "failure":
        check = checks.refused_elsewhere(check, sorted(refused))
        publication.warn(f"checks: {check.title}. See its text for the cure")
    elif check.conclusion == "failure" and own is not None:
        refused.add(own)
    return replace(check, refused=frozenset(refused))


def _is_head(number: int, sha: str, github: GitHubApi) -> bool:
    """Return whether an open pull request has this head commit."""
    pull = github.get(f"/pulls/{number}", reader(_PullRequest))
    return pull.state == "open" and pull.head.sha == sha


def _runs_of_name(check: Check, publication: Publication, github: GitHubApi) -> list[CheckRun]:
    """Return every check of this name on the commit; GitHub's default is the latest one, of any service."""
    path = f"/commits/{check.sha}/check-runs"
    parameters: dict[str, str | int] = {
        "check_name": name_of(check, publication),
        "filter": "all",
        "per_page": PER_PAGE,
    }
    return list(github.get(path, reader(ListedChecks), **parameters).check_runs)


def _newest(runs: list[CheckRun], check: Check, publication: Publication) -> CheckRun | None:
    """Return the check of this service, the newest if there are several."""
    service = publication.settings.service
    ours = (run for run in runs if refused_in(run.external_id, service, check.subject) is not None)
    return max(ours, key=lambda run: run.id, default=None)


def _services(runs: list[CheckRun], check: Check) -> set[str]:
    """Return the services for which FlowJoy wrote such a check."""
    suffix = f"/{check.subject}"
    ids = [run.external_id or "" for run in runs]
    return {text[len(_OURS) : -len(suffix)] for text in ids if text.startswith(_OURS) and text.endswith(suffix)}


def _body(check: Check, publication: Publication, *, annotations: tuple[Annotation, ...]) -> dict[str, Any]:
    redact = publication.redact
    output: dict[str, Any] = {"title": redact(check.title), "summary": redact(check.summary)}
    if annotations:
        output["annotations"] = [
            {
                "path": item.path,
                "start_line": item.line,
                "end_line": item.line,
                "annotation_level": item.level,
                "message": redact(item.message),
            }
            for item in annotations
        ]
    body: dict[str, Any] = {
        "name": name_of(check, publication),
        "status": "completed",
        "conclusion": check.conclusion,
        "external_id": external_id(publication.settings.service, check.subject, check.refused),
        "output": output,
    }
    if publication.report.links.run is not None:
        body["details_url"] = publication.report.links.run
    return body


def _chunks(annotations: tuple[Annotation, ...]) -> Iterator[tuple[Annotation, ...]]:
    for start in range(0, len(annotations), ANNOTATIONS_A_REQUEST):
        yield annotations[start : start + ANNOTATIONS_A_REQUEST]
