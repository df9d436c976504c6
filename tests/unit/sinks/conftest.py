"""Sinks over HTTP: one stand-in per destination, and the results of one broken or kept promise."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from flowjoy.actions.event import RunEvent
from flowjoy.analysis.alerts.lifecycle import AlertStep, Notification
from flowjoy.analysis.results import Results, analyse
from flowjoy.clients.github import GitHubApi
from flowjoy.clients.transport import Budget, Transport
from flowjoy.domain.secret import Secret
from flowjoy.report.content.alert_messages import AlertMessage, alert_message
from flowjoy.report.content.report import report_of
from flowjoy.report.links import Links
from flowjoy.sinks.base import AlertContext, Publication
from tests import builders
from tests.builders import a_bundle, a_deploy, a_ship, at
from tests.fakes.github import GitHubStandIn

TOKEN = "canary-token-of-github"
SHA, OTHER_SHA = "a" * 40, "b" * 40
LINKS = Links(run="https://github.com/acme/shop/actions/runs/1")


@pytest.fixture
def github() -> Iterator[GitHubStandIn]:
    with GitHubStandIn(token=TOKEN) as stand_in:
        for number, sha in enumerate((SHA, OTHER_SHA)):
            stand_in.repository.add_commit(sha, at(number))
        yield stand_in


def api_of(github: GitHubStandIn) -> GitHubApi:
    return GitHubApi(
        repository="acme/shop",
        token=Secret(TOKEN),
        api_url=github.url,
        graphql_url=github.graphql_url,
        transport=Transport(Budget(20)),
    )


def broken_promise(**changes: Any) -> Results:
    """The results of a deploy of SHA that no model followed within 48 h."""
    terms = {"sla_since": at(0), **changes.pop("terms", {})}
    return analyse(a_bundle([a_deploy(0, SHA)], until=at(60), terms=terms, **changes))


def kept_promise(**changes: Any) -> Results:
    """The results of a deploy of SHA that version 7 followed after an hour."""
    return analyse(a_bundle([a_deploy(0, SHA)], [a_ship(1, "7")], until=at(60), terms={"sla_since": at(0)}, **changes))


@dataclass
class Run:
    """One run: its inputs, and what its sinks warned of."""

    workspace: Path
    warnings: list[str] = field(default_factory=list)
    logged: list[str] = field(default_factory=list)
    draw: Callable[[], bytes] = lambda: b"\x89PNG"

    def publication(self, results: Results, event: RunEvent | None = None, **inputs: str) -> Publication:
        return Publication(
            settings=builders.some_settings(self.workspace, **inputs),
            trigger=event or an_event(),
            results=results,
            lines={builders.MODEL: 3},
            report=report_of(results, LINKS),
            redact=lambda text: text.replace("hush", "***"),
            warn=self.warnings.append,
        )

    def alert_context(self, **inputs: str) -> AlertContext:
        return AlertContext(
            settings=builders.some_settings(self.workspace, **inputs),
            transport=Transport(Budget(20)),
            now=at(60),
            chart=self.draw,
            warn=self.warnings.append,
            log=self.logged.append,
        )


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


def an_event(**changes: Any) -> RunEvent:
    """A trusted push of SHA to the default branch."""
    push = RunEvent(event="push", sha=SHA, pull_request=None, fork=False, trusted=True)
    return replace(push, **changes)


def a_message(step: AlertStep = AlertStep.NEW, **changes: Any) -> AlertMessage:
    """A message on the broken promise of the recommender."""
    results = broken_promise()
    (alert,) = results.alerts.firing
    notification = Notification(alert=alert, step=step, joined=(f"deployment:{SHA}@{alert.began}",))
    return alert_message(replace(notification, **changes), results, LINKS)
