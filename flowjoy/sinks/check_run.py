"""Writes the two checks on GitHub and settles earlier ones. An external id identifies them, so none exists twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from flowjoy.clients import github_checks
from flowjoy.clients.github import PER_PAGE, GitHubApi
from flowjoy.clients.github_checks import CheckRun, ListedChecks, SavedCheck, Wanted
from flowjoy.clients.responses import reader
from flowjoy.domain import CoverageState
from flowjoy.errors import HarvestError
from flowjoy.report import checks
from flowjoy.report.checks import Annotation, Check
from flowjoy.sinks.base import Publication
from flowjoy.sinks.check_body import body_of, name_of, newest, services
from flowjoy.sinks.check_refusals import Refusals
from flowjoy.sinks.check_updates import names_of, refresh, settle
from flowjoy.sinks.earlier_checks import OpenPullRequests, of_settled_releases

ANNOTATIONS_A_REQUEST = 50


class CheckRuns:
    """`FlowJoy / 48 h SLA` and, where code asks to go live, `FlowJoy / model dependency`."""

    label = "checks"

    def publish(self, publication: Publication, github: GitHubApi) -> Mapping[str, str]:
        """Write the checks of this run's commit and of what it deployed; a trusted run also updates older ones."""
        outputs: dict[str, str] = {}
        pulls = OpenPullRequests(publication, github)
        current = list(_current(publication, pulls))
        proposed, settled = _earlier(publication, pulls) if publication.trigger.trusted else ([], [])
        listed = _listed(current, settled, proposed, publication, github)
        refusals = Refusals(publication=publication, github=github, listed=listed)
        for check in current:
            url, others = _save(check, refusals)
            if others:
                _warn_of_shared_name(check, others, publication)
            if check.subject == "sla":
                outputs["check-url"] = url
        for check in settled:
            settle(check, refusals, pulls)
        for check in proposed:
            refresh(check, refusals)
        # Last: a commit that is gone must not keep the others from being settled.
        for sha in publication.deployed:
            check = _promise_check(publication, sha, pulls)
            is_later = publication.trigger.trusted and check.conclusion == "failure"
            _save(replace(check, overdue_since=is_later), refusals)
        return outputs


def _current(publication: Publication, pulls: OpenPullRequests) -> Iterator[Check]:
    """Yield the checks of this run's own commit."""
    sha, results = publication.trigger.sha, publication.results
    if sha is None:
        raise HarvestError("this run has no commit to write a check on")
    yield _promise_check(publication, sha, pulls)
    if results.gate is not None:
        stub_path, links = publication.settings.model_stub, publication.report.links
        yield checks.gate_check(results.gate, sha, results, stub_path=stub_path, links=links)
    elif publication.trigger.proposes:
        failed = [item.source for item in results.bundle.coverage if item.state is CoverageState.FAILED]
        yield checks.undecided_gate(f"{', '.join(failed) or 'something'} could not be read", sha)


def _earlier(publication: Publication, pulls: OpenPullRequests) -> tuple[list[Check], list[Check]]:
    """Return the checks of open pull requests and of settled releases. A commit that is both answers for merging."""
    proposed = list(pulls.checks())
    heads = {check.sha for check in proposed}
    return proposed, [check for check in of_settled_releases(publication) if check.sha not in heads]


def _promise_check(publication: Publication, sha: str, pulls: OpenPullRequests) -> Check:
    """Return the check of the promise on one commit. Only the run's own commit gets annotations, which name lines."""
    return checks.promise_check(
        publication.results,
        sha,
        publication.report,
        stub_path=publication.settings.model_stub,
        lines=publication.lines if sha == publication.trigger.sha else {},
        report_url=publication.artifact_url,
        is_proposed=pulls.ask(sha),
    )


def _listed(
    current: Sequence[Check],
    settled: Sequence[Check],
    proposed: Sequence[Check],
    publication: Publication,
    github: GitHubApi,
) -> dict[Wanted, tuple[CheckRun, ...]]:
    """Return the checks on earlier releases and pull requests by one query, with those on the run's own commits.

    The run's own are asked for by themselves where that fails; a later run writes the others.
    """
    if not (settled or proposed):
        return {}
    own = [(check.sha, name_of(check, publication)) for check in current]
    own += [(sha, name_of(current[0], publication)) for sha in publication.deployed]
    earlier = [(check.sha, name_of(check, publication)) for check in settled]
    earlier += [(check.sha, name) for check in proposed for name in names_of(check, publication)]
    try:
        return github_checks.listed(github, own, earlier)
    except HarvestError as problem:
        publication.warn(f"checks: those of earlier commits could not be read: {problem.advised}")
        return {}


def _warn_of_shared_name(check: Check, others: frozenset[str], publication: Publication) -> None:
    """Warn if another service writes a check of this name: a required check could not tell them apart."""
    if check.subject == "sla":
        name, service = name_of(check, publication), publication.settings.service
        publication.warn(
            f"checks: {name!r} of {', '.join(sorted(map(repr, others)))} is on this commit as well, so a branch rule "
            f"cannot tell the services apart. Set `check-name` for each service, as in `check-name: FlowJoy {service}`"
        )


def _save(check: Check, refusals: Refusals) -> tuple[str, frozenset[str]]:
    """Create the check or update that of an earlier attempt. Return its URL and the other services with its name."""
    publication, github = refusals.publication, refusals.github
    chunks = list(_chunks(check.annotations))
    others: set[str] = set()
    decided: list[Check] = []

    def locate() -> tuple[str, str, dict[str, Any]]:
        # Before every try, because a creation that seemed to fail may have succeeded.
        runs = _runs_of_name(check, refusals)
        current = newest(runs, check, publication)
        others.update(services(runs, check) - {publication.settings.service})
        if current is not None and current.output.annotations_count:
            chunks.clear()  # GitHub appends the annotations of an update to the existing ones
        decided.append(refusals.applied(check, runs))
        body = body_of(decided[-1], publication, annotations=chunks[0] if chunks else ())
        if current is not None:
            return "PATCH", f"/check-runs/{current.id}", body
        return "POST", "/check-runs", {**body, "head_sha": check.sha}

    saved = github.send_to(locate, reader(SavedCheck))
    for chunk in chunks[1:]:
        body = body_of(decided[-1], publication, annotations=chunk)
        saved = github.send("PATCH", f"/check-runs/{saved.id}", body, reader(SavedCheck))
    return saved.html_url or "", frozenset(others)


def _runs_of_name(check: Check, refusals: Refusals) -> Sequence[CheckRun]:
    """Return every check of this name on the commit; GitHub's default is the latest one, of any service."""
    name = name_of(check, refusals.publication)
    known = refusals.listed.pop((check.sha, name), None)
    if known is not None:
        return known
    path = f"/commits/{check.sha}/check-runs"
    parameters: dict[str, str | int] = {
        "check_name": name,
        "filter": "all",
        "per_page": PER_PAGE,
    }
    return refusals.github.get(path, reader(ListedChecks), **parameters).check_runs


def _chunks(annotations: tuple[Annotation, ...]) -> Iterator[tuple[Annotation, ...]]:
    for start in range(0, len(annotations), ANNOTATIONS_A_REQUEST):
        yield annotations[start : start + ANNOTATIONS_A_REQUEST]
