"""One run before it reads anything: its inputs and context, its clients, its event and the repository."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TextIO
from zoneinfo import ZoneInfo

from flowjoy.actions import event as events
from flowjoy.actions.context import ActionsContext
from flowjoy.actions.core import Console
from flowjoy.actions.event import RunEvent
from flowjoy.clients.github import GitHubApi
from flowjoy.clients.transport import Budget, Transport
from flowjoy.config.registry_address import warnings_of
from flowjoy.config.settings import Settings, credentials, redactor
from flowjoy.errors import InputError
from flowjoy.pipeline.run_context import RepositoryInfo, github_of, repository_info_of, with_commit_judged

_REPORT_SECONDS = 35


@dataclass(frozen=True, kw_only=True)
class PreparedRun:
    """One run: its inputs and context, its clients, and the instant at which it judges."""

    settings: Settings
    context: ActionsContext
    console: Console
    now: datetime
    budget: Budget
    transport: Transport
    github: GitHubApi | None
    repository: RepositoryInfo
    event: RunEvent

    @property
    def as_of(self) -> datetime:
        """The instant of the judgement. A pull request's own workflow must not move it."""
        return self.now if self.event.proposes else self.settings.as_of or self.now


def console_of(context: ActionsContext, environ: Mapping[str, str], stream: TextIO | None) -> Console:
    """Return the console of a run, which redacts the credentials in its environment."""
    return Console(
        on_actions=context.on_actions,
        output=context.output,
        summary=context.summary,
        redact=redactor(environ, given=credentials(environ)),
        stream=stream,
    )


def prepared(
    settings: Settings, context: ActionsContext, console: Console, now: datetime, budget: Budget
) -> PreparedRun:
    """Return the run with its clients, repository and event. Raise InputError where nothing can be judged."""
    transport = Transport(Budget(max(5, settings.timeout_seconds - _REPORT_SECONDS)))
    github = github_of(settings, context, transport)
    # A dry run on files asks GitHub for nothing.
    asks = settings.as_of is None or settings.code_source == "workflow-runs"
    repository = repository_info_of(settings, context, github if asks else None, console.warning)
    _refuse_undecidable(settings, context, now)
    event = events.read(
        context.event_name,
        context.event,
        sha=context.sha,
        ref=context.ref,
        repository=context.repository,
        default_branch=repository.default_branch,
    )
    if settings.as_of is None:
        event = with_commit_judged(event, github, repository.default_branch)
    for sentence in warnings_of(settings.registry_uri, settings.registry):
        console.warning(sentence)
    return PreparedRun(
        settings=settings,
        context=context,
        console=console,
        now=now,
        budget=budget,
        transport=transport,
        github=github,
        repository=repository,
        event=event,
    )


def _refuse_undecidable(settings: Settings, context: ActionsContext, now: datetime) -> None:
    """Raise InputError where the event or a date leaves nothing to judge."""
    lacking = events.missing_field(context.event_name, context.event)
    if lacking is not None:
        raise InputError(
            f"GITHUB_EVENT_PATH: the payload of {context.event_name!r} has no {lacking}, so nothing can be judged. "
            "Run the step on the event itself, with the payload that GitHub wrote"
        )
    refuse_the_future(settings, now)


def refuse_the_future(settings: Settings, now: datetime) -> None:
    """Raise InputError if the promise begins later than today in `timezone`: that would hide every clock."""
    if settings.sla_since is not None and settings.sla_since > now.astimezone(ZoneInfo(settings.timezone)).date():
        raise InputError(f"sla-since {settings.sla_since.isoformat()!r}: expected a day that is not in the future")
