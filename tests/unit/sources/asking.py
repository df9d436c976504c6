"""One source, asked over HTTP as the harvest asks it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from flowjoy.clients.github import GitHubApi
from flowjoy.clients.transport import Budget, Transport
from flowjoy.domain import CodeRecord
from flowjoy.domain.secret import Secret
from flowjoy.sources.base import Clients, HarvestQuery, Source, SourceResult
from tests import builders
from tests.fakes.github import GitHubStandIn

TOKEN = "canary-token-of-github"
A, B, C = "a" * 40, "b" * 40, "c" * 40


def a_question(inputs: dict[str, str] | None = None, **changes: Any) -> HarvestQuery:
    """What a run three weeks after T0 asks; `changes` are fields of the query."""
    return replace(builders.a_query(Path("workspace"), **(inputs or {})), **changes)


def api_of(github: GitHubStandIn, *, prefix: str = "", repository: str = "acme/shop", seconds: float = 30) -> GitHubApi:
    """The real client, pointed at the stand-in; with `prefix`, as on GitHub Enterprise Server."""
    return GitHubApi(
        repository=repository,
        token=Secret(TOKEN),
        api_url=github.url + prefix,
        graphql_url=f"{github.url}/api/graphql" if prefix else github.graphql_url,
        transport=Transport(Budget(seconds)),
    )


def ask(source: Source[CodeRecord], api: GitHubApi, query: HarvestQuery | None = None) -> SourceResult[CodeRecord]:
    """Fetch and parse."""
    query = query or a_question()
    return source.parse(source.fetch(query, access_to(api)), query)


def access_to(api: GitHubApi) -> Clients:
    """The doors of a source that asks this API."""
    return Clients(transport=api.transport, progress=lambda _: None, github=api)
