"""The two checks on GitHub, and the settling of earlier ones. Found by their external id, so never doubled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from flowjoy.clients.github import PER_PAGE, GitHubApi
from flowjoy.clients.responses import Count, Id, Many, Response, Text, reader
from flowjoy.domain import CoverageState
from flowjoy.errors import HarvestError
from flowjoy.report import checks as words
from flowjoy.report.checks import Annotation, Check
from flowjoy.sinks.base import Publication


class _Output(Response):
    title: str | None  # another app's may have none
    annotations_count: Count


class CheckRun(Response):
    """One check."""

    id: Id
    name: Text
    external_id: str | None  # another app's may have none
    conclusion: str | None  # it is under way
    html_url: str | None
    output: _Output


class ListedChecks(Response):
    """The first page of the checks of one commit."""

    total_count: Count
    check_runs: Many[CheckRun]


class SavedCheck(Response):
    """A check as it was written."""

    id: Id
    html_url: str | None = None


ANNOTATIONS_A_REQUEST = 50
SETTLED_DAYS = 14
"""A release whose clocks ended longer ago was settled by an earlier run, or never had a check."""

MOST_SETTLED = 40
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
                _warn_of_twins(check, others, publication)
            if check.subject == "sla":
                outputs["check-url"] = url
        if publication.trigger.trusted:
            for check in _settling(publication):
                _settle(check, publication, github)
        # Last: a commit that is gone must not keep the others from being settled.
        for sha in publication.deployed:
            _save(_promise(publication, sha), publication, github)
        return outputs

    def render(self, publication: Publication) -> Iterator[Check]:
        """The checks of this run's own commit."""
        sha, findings = publication.trigger.sha, publication.findings
        if sha is None:
            raise HarvestError("this run has no commit to write a check on")
        stub_path = publication.settings.model_stub
        yield _promise(publication, sha)
        if findings.gate is not None:
            yield words.gate_check(findings.gate, sha, findings, stub_path=stub_path)
        elif publication.trigger.proposes:
            failed = [item.source for item in findings.bundle.coverage if item.state is CoverageState.FAILED]
            yield words.undecided_gate(f"{', '.join(failed) or 'something'} could not be read", sha)


def _promise(publication: Publication, sha: str) -> Check:
    """The check of the promise on one commit. Its annotations speak of lines of the run's own commit alone."""
    return words.promise_check(
        publication.findings,
        sha,
        stub_path=publication.settings.model_stub,
        lines=publication.lines if sha == publication.trigger.sha else {},
        report_url=publication.artifact_url,
    )


def name_of(check: Check, publication: Publication) -> str:
    """The name people see, and make required."""
    prefix, hours = publication.settings.check_name, publication.settings.sla_hours
    return f"{prefix} / {hours:g} h SLA" if check.subject == "sla" else f"{prefix} / model dependency"


def _external_id(check: Check, publication: Publication) -> str:
    return f"{_OURS}{publication.settings.service}/{check.subject}"


def _settling(publication: Publication) -> Iterator[Check]:
    """Checks of earlier releases whose last clock ended lately, newest first."""
    findings = publication.findings
    since = findings.bundle.generated_at - timedelta(days=SETTLED_DAYS)
    recent = [item for item in findings.obligations if item.sha and (item.closed_at or item.deadline) >= since]
    written = {publication.trigger.sha, *publication.deployed}
    newest_first = dict.fromkeys(item.sha for item in reversed(recent) if item.sha not in written)
    for sha in list(newest_first)[:MOST_SETTLED]:
        check = words.settled_check(findings, sha) if sha is not None else None
        if check is not None:
            yield check


def _settle(check: Check, publication: Publication, github: GitHubApi) -> None:
    """Update an earlier release's check to what became of it. A commit that has none gets none."""
    held = _newest(_named_alike(check, publication, github), check, publication)
    if held is not None and (held.conclusion, held.output.title) != (check.conclusion, check.title):
        body = _body(check, publication, annotations=())
        github.send("PATCH", f"/check-runs/{held.id}", body, reader(SavedCheck))


def _warn_of_twins(check: Check, others: frozenset[str], publication: Publication) -> None:
    """Warn where a required check of this name would be met by whichever service wrote last."""
    if check.subject == "sla":
        name, service = name_of(check, publication), publication.settings.service
        publication.warn(
            f"checks: {name!r} of {', '.join(sorted(map(repr, others)))} is on this commit as well, so a branch rule "
            f"cannot tell the services apart. Set `check-name` for each service, as in `check-name: FlowJoy {service}`"
        )


def _save(check: Check, publication: Publication, github: GitHubApi) -> tuple[str, frozenset[str]]:
    """Create the check, or update that of a former attempt; give its address and whose checks bear the same name."""
    chunks = list(_chunks(check.annotations))
    others: set[str] = set()

    def locate() -> tuple[str, str, dict[str, Any]]:
        # Looked for before every try: a creation that seemed to fail may have succeeded.
        runs = _named_alike(check, publication, github)
        held = _newest(runs, check, publication)
        others.update(_services(runs, check) - {publication.settings.service})
        if held is not None and held.output.annotations_count:
            chunks.clear()  # GitHub adds those of an update to those that are there: they would stand twice
        body = _body(check, publication, annotations=chunks[0] if chunks else ())
        if held is not None:
            return "PATCH", f"/check-runs/{held.id}", body
        return "POST", "/check-runs", {**body, "head_sha": check.sha}

    saved = github.send_to(locate, reader(SavedCheck))
    for chunk in chunks[1:]:
        body = _body(check, publication, annotations=chunk)
        saved = github.send("PATCH", f"/check-runs/{saved.id}", body, reader(SavedCheck))
    return saved.html_url or "", frozenset(others)


def _named_alike(check: Check, publication: Publication, github: GitHubApi) -> list[CheckRun]:
    """Every check of this name on the commit. By default GitHub lists the latest alone, of whatever service."""
    path = f"/commits/{check.sha}/check-runs"
    wishes: dict[str, str | int] = {"check_name": name_of(check, publication), "filter": "all", "per_page": PER_PAGE}
    return list(github.get(path, reader(ListedChecks), **wishes).check_runs)


def _newest(runs: list[CheckRun], check: Check, publication: Publication) -> CheckRun | None:
    """The check of this service, the newest if there are several."""
    external_id = _external_id(check, publication)
    return max((run for run in runs if run.external_id == external_id), key=lambda run: run.id, default=None)


def _services(runs: list[CheckRun], check: Check) -> set[str]:
    """The services that FlowJoy wrote such a check for."""
    ends = f"/{check.subject}"
    ids = [run.external_id or "" for run in runs]
    return {text[len(_OURS) : -len(ends)] for text in ids if text.startswith(_OURS) and text.endswith(ends)}


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
        "external_id": _external_id(check, publication),
        "output": output,
    }
    if publication.details_url is not None:
        body["details_url"] = publication.details_url
    return body


def _chunks(annotations: tuple[Annotation, ...]) -> Iterator[tuple[Annotation, ...]]:
    for start in range(0, len(annotations), ANNOTATIONS_A_REQUEST):
        yield annotations[start : start + ANNOTATIONS_A_REQUEST]
