"""Updates the checks of earlier commits: settled releases, and the heads of open pull requests."""

from __future__ import annotations

from collections.abc import Sequence

from flowjoy.clients.github_checks import CheckRun, SavedCheck
from flowjoy.clients.responses import reader
from flowjoy.report.checks import Check
from flowjoy.sinks.base import Publication
from flowjoy.sinks.check_body import body_of, name_of, newest
from flowjoy.sinks.check_identity import identified, is_overdue_since
from flowjoy.sinks.check_refusals import Refusals
from flowjoy.sinks.earlier_checks import OpenPullRequests

MAX_NAMES = 3
"""So many names of a check are looked for, in case `sla-hours` or `check-name` changed."""


def settle(check: Check, refusals: Refusals, pulls: OpenPullRequests) -> None:
    """Update the check of an earlier release, if it has one, to its final result.

    A red check of a commit that may be merged is not a release's: it may be red for what merging waits for.
    """
    publication, github = refusals.publication, refusals.github
    runs = refusals.listed.get((check.sha, name_of(check, publication)), ())
    current = newest(runs, check, publication)
    check = refusals.applied(check, runs)
    if current is None or (current.conclusion, current.output.title) == (check.conclusion, check.title):
        return
    turns_green = current.conclusion == "failure" and check.conclusion != "failure"
    if turns_green and pulls.may_have_head(check.sha):
        return
    body = body_of(check, publication, annotations=())
    github.send("PATCH", f"/check-runs/{current.id}", body, reader(SavedCheck))


def refresh(check: Check, refusals: Refusals) -> None:
    """Turn the checks of an open pull request red while a model is overdue, and back once none is.

    Its own run alone ends what that run refused. A check keeps the name that it had before `sla-hours` or `check-name`
    changed: a branch rule may still require it.
    """
    publication = refusals.publication
    for name in names_of(check, publication):
        runs = refusals.listed.get((check.sha, name), ())
        current = newest(runs, check, publication) or _renamed(runs, check)
        wanted = refusals.applied(check, runs)
        if current is None or (current.conclusion == "failure") is (wanted.conclusion == "failure"):
            continue
        if wanted.overdue_since or is_overdue_since(current.external_id):
            body = body_of(wanted, publication, annotations=()) | {"name": name}
            refusals.github.send("PATCH", f"/check-runs/{current.id}", body, reader(SavedCheck))


def _renamed(runs: Sequence[CheckRun], check: Check) -> CheckRun | None:
    """Return the check that turns red with this service, which has none of the name on the commit; None if it is kept.

    The service was renamed, or shares the name with another one, which a branch rule cannot tell apart.
    """
    others = [run for run in runs if identified(run.external_id, check.subject) is not None]
    return max(others, key=lambda run: run.id, default=None) if check.conclusion == "failure" else None


def names_of(check: Check, publication: Publication) -> list[str]:
    """Return the name of the check, and the last ones that earlier runs gave it."""
    earlier = publication.results.bundle.check_names
    names = dict.fromkeys([name_of(check, publication), *sorted(earlier, key=lambda name: earlier[name], reverse=True)])
    return list(names)[:MAX_NAMES]
