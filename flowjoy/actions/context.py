"""The context of the run, as the Actions runner sets it in environment variables."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flowjoy.domain.hosts import base_url
from flowjoy.domain.secret import Secret
from flowjoy.errors import InputError, InputProblem

_REPOSITORY = re.compile(r"[\w.-]{1,100}/[\w.-]{1,100}", re.ASCII)
_REFERENCE = re.compile(r"[\w./-]{1,200}", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class ActionsContext:
    """The variables of the Actions runner. `on_actions` is False outside of a workflow run, as on a laptop.

    `workflow` is the file name of the workflow, `event` the payload of the event. `results_url` and `runtime_token`
    belong to the artifact service, which GitHub Enterprise Server does not have. `documentation_url`: the folder of the
    action's own documentation.
    """

    on_actions: bool
    workspace: Path
    repository: str
    api_url: str
    graphql_url: str
    server_url: str
    sha: str | None
    ref: str | None
    event_name: str
    event: Mapping[str, Any]
    run_id: str | None
    runner_name: str | None
    workflow: str | None
    job: str | None
    output: Path | None
    summary: Path | None
    debug: bool
    results_url: str | None
    runtime_token: Secret | None
    retention_limit_days: int | None
    documentation_url: str | None


def on_actions(environ: Mapping[str, str]) -> bool:
    """Return whether a runner started this process: it sets GITHUB_ACTIONS, or at least names an event."""
    return environ.get("GITHUB_ACTIONS", "true" if environ.get("GITHUB_EVENT_NAME") else "") == "true"


def read_context(environ: Mapping[str, str]) -> ActionsContext:
    """Return the context of the run. Raise InputError, with every mistake, for an address or a name that is not one."""
    api_url, api_problems = _address(environ, "GITHUB_API_URL", "https://api.github.com")
    graphql_default = re.sub(r"/v3$", "", api_url) + "/graphql"
    graphql_url, graphql_problems = _address(environ, "GITHUB_GRAPHQL_URL", graphql_default)
    server_url, server_problems = _address(environ, "GITHUB_SERVER_URL", "https://github.com")
    repository, repository_problems = _repository(environ)
    problems = [*repository_problems, *api_problems, *graphql_problems, *server_problems]
    if problems:
        raise InputError(*problems)
    return ActionsContext(
        on_actions=on_actions(environ),
        workspace=Path(environ.get("GITHUB_WORKSPACE") or Path.cwd()),
        repository=repository,
        api_url=api_url,
        graphql_url=graphql_url,
        server_url=server_url,
        sha=environ.get("GITHUB_SHA") or None,
        ref=environ.get("GITHUB_REF") or None,
        event_name=environ.get("GITHUB_EVENT_NAME", ""),
        event=read_event(environ.get("GITHUB_EVENT_PATH")),
        run_id=environ.get("GITHUB_RUN_ID") or None,
        runner_name=environ.get("RUNNER_NAME") or None,
        workflow=_workflow_file(environ.get("GITHUB_WORKFLOW_REF", "")),
        job=environ.get("GITHUB_JOB") or None,
        output=_path(environ.get("GITHUB_OUTPUT")),
        summary=_path(environ.get("GITHUB_STEP_SUMMARY")),
        debug=environ.get("RUNNER_DEBUG") == "1",
        results_url=environ.get("ACTIONS_RESULTS_URL") or None,
        runtime_token=Secret(environ["ACTIONS_RUNTIME_TOKEN"]) if environ.get("ACTIONS_RUNTIME_TOKEN") else None,
        retention_limit_days=_days(environ.get("GITHUB_RETENTION_DAYS", "")),
        documentation_url=_documentation(environ, server_url),
    )


def read_event(path: str | None) -> Mapping[str, Any]:
    """Return the payload of the event; empty where it cannot be read, so that nothing in it is trusted."""
    try:
        payload = json.loads(Path(path).read_bytes()) if path else {}
    except (OSError, ValueError, RecursionError):
        return {}
    return payload if isinstance(payload, dict) else {}


def _address(environ: Mapping[str, str], name: str, default: str) -> tuple[str, list[InputProblem]]:
    """Return the address in a variable, or the default and the problem with it."""
    try:
        return base_url(environ.get(name) or default), []
    except ValueError as expected:
        return default, [InputProblem(name, f"expected {expected}")]


def _repository(environ: Mapping[str, str]) -> tuple[str, list[InputProblem]]:
    name = environ.get("GITHUB_REPOSITORY", "")
    if not name or _REPOSITORY.fullmatch(name):
        return name, []
    return "", [InputProblem("GITHUB_REPOSITORY", "expected owner/name")]


def _documentation(environ: Mapping[str, str], server_url: str) -> str | None:
    """Return the address of the documentation of the action that runs; None where it runs from its own checkout."""
    name, ref = environ.get("GITHUB_ACTION_REPOSITORY", ""), environ.get("GITHUB_ACTION_REF", "")
    known = _REPOSITORY.fullmatch(name) and _REFERENCE.fullmatch(ref)
    return f"{server_url}/{name}/blob/{ref}/docs" if known else None


def _workflow_file(reference: str) -> str | None:
    """Return the file name in a reference such as `acme/shop/.github/workflows/release.yml@refs/heads/main`."""
    return reference.partition("@")[0].rpartition("/")[2] or None


def _days(text: str) -> int | None:
    """Return a number of days; None where it is missing or 0, by which some runners say that it is not limited."""
    return int(text) or None if text.isdecimal() else None


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None
