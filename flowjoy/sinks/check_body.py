"""The parts that every check on GitHub has: its name, its external id, and the body that writes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flowjoy.clients.github_checks import CheckRun
from flowjoy.domain import check_names
from flowjoy.report.checks import Annotation, Check
from flowjoy.sinks.base import Publication
from flowjoy.sinks.check_identity import external_id, identified, refused_in


def name_of(check: Check, publication: Publication) -> str:
    """Return the name that people see and make required."""
    prefix, hours = publication.settings.check_name, publication.settings.sla_hours
    return check_names.of_promise(prefix, hours) if check.subject == "sla" else check_names.of_gate(prefix)


def newest(runs: Sequence[CheckRun], check: Check, publication: Publication) -> CheckRun | None:
    """Return the check of this service, the newest if there are several."""
    service = publication.settings.service
    ours = (run for run in runs if refused_in(run.external_id, service, check.subject) is not None)
    return max(ours, key=lambda run: run.id, default=None)


def services(runs: Sequence[CheckRun], check: Check) -> set[str]:
    """Return the services for which FlowJoy wrote such a check."""
    known = (identified(run.external_id, check.subject) for run in runs)
    return {one[0] for one in known if one is not None}


def body_of(check: Check, publication: Publication, *, annotations: tuple[Annotation, ...]) -> dict[str, Any]:
    """Return the body of the request that creates or updates a check."""
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
        "external_id": external_id(
            publication.settings.service, check.subject, check.refused, overdue_since=check.overdue_since
        ),
        "output": output,
    }
    if publication.report.links.run is not None:
        body["details_url"] = publication.report.links.run
    return body
