"""Turns the checks of a run without a verdict red. It reads inputs leniently, because one of them may be wrong."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flowjoy.actions import event as triggers
from flowjoy.actions.context import on_actions, read_event
from flowjoy.clients.github import PER_PAGE, GitHubApi
from flowjoy.clients.github_checks import ListedChecks
from flowjoy.clients.responses import reader
from flowjoy.clients.transport import Budget, Transport
from flowjoy.config import parsers
from flowjoy.config.given_inputs import flags
from flowjoy.config.inputs import declared
from flowjoy.domain import check_names, commit_sha
from flowjoy.domain.hosts import base_url
from flowjoy.domain.secret import Secret
from flowjoy.errors import HarvestError, InputError
from flowjoy.report.escaping import clean, prose
from flowjoy.sinks.check_identity import external_id, refused_in

SECONDS = 8.0
_MAX_TITLE = 200
_MAX_SENTENCES = 50
_REPOSITORY = re.compile(r"[\w.-]{1,100}/[\w.-]{1,100}", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Ending:
    """The end of a run without a verdict: the conclusion of its checks, a title, and a sentence for each reason."""

    title: str
    sentences: Sequence[str] = ()
    conclusion: str = "failure"


@dataclass(frozen=True, kw_only=True)
class _Target:
    """The checks of this run. `names` by subject; a subject in `wanted` is created if it is missing.

    `refused`: the pull requests of this run, which are as blocked as if the merge gate had refused it.
    """

    token: Secret
    repository: str
    api_url: str
    sha: str
    service: str
    names: Mapping[str, str]
    wanted: frozenset[str]
    refused: frozenset[int]
    details_url: str | None


def close_checks(
    environ: Mapping[str, str],
    argv: Sequence[str],
    ending: Ending,
    redact: Callable[[str], str],
    seconds: float = SECONDS,
) -> str | None:
    """Set this run's checks to its end. Return why that failed, None if it worked or there are no checks to set.

    Nothing is written for a fork, with `as-of`, or outside of a workflow.
    """
    try:
        target = _target(environ, argv)
        if target is not None:
            _write(target, ending, redact, Transport(Budget(seconds)))
    except HarvestError as problem:
        return f"the check could not be set to {ending.conclusion}: {problem.advised}"
    except Exception as problem:  # noqa: BLE001  (the run has failed already: its own reason must be what is read)
        return f"the check could not be set to {ending.conclusion} ({type(problem).__name__})"
    return None


def _target(environ: Mapping[str, str], argv: Sequence[str]) -> _Target | None:
    """Return the checks, as far as the environment still names them; None if nothing may be written."""
    values = _values(environ, argv)
    token = _read(parsers.secret, values.get("github-token") or environ.get("GITHUB_TOKEN"))
    repository = environ.get("GITHUB_REPOSITORY", "")
    api_url = _read(base_url, environ.get("GITHUB_API_URL") or "https://api.github.com")
    if not on_actions(environ) or values.get("as-of") or token is None or api_url is None:
        return None
    if not _REPOSITORY.fullmatch(repository):
        return None
    event = environ.get("GITHUB_EVENT_NAME", "")
    trigger = triggers.read(
        event,
        read_event(environ.get("GITHUB_EVENT_PATH")),
        sha=environ.get("GITHUB_SHA"),
        ref=environ.get("GITHUB_REF"),
        repository=repository,
        default_branch=None,
    )
    if trigger.fork or trigger.sha is None or not commit_sha.is_full(trigger.sha):
        return None
    prefix = _read(parsers.text, values.get("check-name")) or "FlowJoy"
    hours = _read(parsers.number(0, 8760), values.get("sla-hours")) or 48.0
    run_id, server = environ.get("GITHUB_RUN_ID"), environ.get("GITHUB_SERVER_URL") or "https://github.com"
    return _Target(
        token=token,
        repository=repository,
        api_url=api_url,
        sha=trigger.sha,
        service=_read(parsers.text, values.get("service")) or repository.rpartition("/")[2],
        names={"sla": check_names.of_promise(prefix, hours), "dependency": check_names.of_gate(prefix)},
        wanted=frozenset({"sla", "dependency"} if trigger.proposes else {"sla"}),
        refused=trigger.asking,
        details_url=f"{server}/{repository}/actions/runs/{run_id}" if run_id else None,
    )


def _values(environ: Mapping[str, str], argv: Sequence[str]) -> dict[str, str]:
    """Return the text of every input, including wrong ones."""
    known = declared(Path(environ.get("GITHUB_WORKSPACE") or Path.cwd()))
    try:
        by_flag, _ = flags(argv, known)
    except InputError:
        by_flag = {}
    return {item.name: (by_flag.get(item.field) or environ.get(item.variable) or "").strip() for item in known}


def _read(parse: Callable[[str], Any], text: str | None) -> Any:
    """Return the value, None if the text is empty or wrong."""
    try:
        return parse(text) if text else None
    except ValueError:
        return None


def _write(target: _Target, ending: Ending, redact: Callable[[str], str], transport: Transport) -> None:
    github = GitHubApi(
        repository=target.repository,
        token=target.token,
        api_url=target.api_url,
        graphql_url=f"{target.api_url}/graphql",
        transport=transport,
    )
    path = f"/commits/{target.sha}/check-runs"
    first_page = github.get(path, reader(ListedChecks), filter="all", per_page=PER_PAGE)
    for subject, name in target.names.items():
        listed = first_page
        if first_page.total_count > PER_PAGE:
            listed = github.get(path, reader(ListedChecks), check_name=name, filter="all", per_page=PER_PAGE)
        # By its id: if `sla-hours` is wrong, the name is unknown.
        ours = {run.id: refused_in(run.external_id, target.service, subject) for run in listed.check_runs}
        current = max((number for number, refused in ours.items() if refused is not None), default=None)
        refused = {*target.refused}
        refused |= (ours[current] if current is not None else None) or set()
        body = _body(target, ending, redact) | {"external_id": external_id(target.service, subject, refused)}
        if current is not None:
            github.send("PATCH", f"/check-runs/{current}", body, _saved)
        elif subject in target.wanted:
            github.send("POST", "/check-runs", {**body, "name": name, "head_sha": target.sha}, _saved)


def _body(target: _Target, ending: Ending, redact: Callable[[str], str]) -> dict[str, Any]:
    summary = "\n".join(f"- {prose(redact(sentence))}" for sentence in ending.sentences[:_MAX_SENTENCES])
    body: dict[str, Any] = {
        "status": "completed",
        "conclusion": ending.conclusion,
        "output": {
            "title": redact(clean(redact(ending.title), _MAX_TITLE)),
            "summary": redact(summary) or clean(ending.title),
        },
    }
    return body if target.details_url is None else {**body, "details_url": target.details_url}


def _saved(answer: Any) -> None:
    """Accept every answer: the status alone says whether the check was written."""
