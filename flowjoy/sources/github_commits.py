"""The commits that each deploy was the first to ship, by batched GraphQL queries. Knows commits, no promise.

One query asks for a stretch of history at several commits; what one stretch shows settles many deploys, so the next
query asks only for what is still missing.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from flowjoy.analysis.first_shipped import Commit, first_shipped
from flowjoy.github_api import GitHubApi, connection
from flowjoy.instants import LATEST, parse_iso
from flowjoy.transport import MalformedAnswerError

STRETCHES, MOST_QUERIES = 10, 8
_FULL_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_FIELDS = """
    commit{n}: object(oid: $commit{n}) {{
      __typename
      ... on Commit {{
        history(first: 100) {{
          totalCount
          pageInfo {{ hasNextPage endCursor }}
          nodes {{ oid committedDate parents(first: 20) {{ totalCount nodes {{ oid }} }} }}
        }}
      }}
    }}"""


def _query(size: int) -> str:
    declared = "".join(f", $commit{n}: GitObjectID!" for n in range(size))
    fields = "".join(_FIELDS.format(n=n) for n in range(size))
    return (
        f"query FlowJoyCommits($owner: String!, $name: String!{declared}) {{\n"
        f"  repository(owner: $owner, name: $name) {{{fields}\n  }}\n}}\n"
    )


COMMITS_QUERY = _query(1)
"""The query for one commit, for checking against GitHub's schema."""


@dataclass(frozen=True, kw_only=True)
class Commits:
    """For each deploy that could be settled when the commits that it shipped first were committed.

    `unknown`: how many of the deploys asked for could not be settled.
    """

    by_sha: Mapping[str, tuple[datetime, ...]] = field(default_factory=dict)
    unknown: int = 0


def read(github: GitHubApi, deployed: Mapping[str, datetime], wanted: Collection[str]) -> Commits:
    """When the commits were committed that each wanted deploy shipped first. `deployed`: when each sha first went live.

    Raises HarvestError when GitHub does not answer; a history that is longer than is read leaves its deploy unknown.
    """
    # What had been live before the first deploy that is known, nobody can say: it is asked for by no one.
    wanted = set(wanted) - set(sorted(deployed, key=lambda sha: (deployed[sha], sha))[:1])
    graph: dict[str, Commit] = {}
    gone: set[str] = set()
    for _ in range(MOST_QUERIES):
        found = first_shipped(deployed, wanted, graph)
        ask = [sha for sha in found.missing if sha not in gone and _FULL_SHA.fullmatch(sha)][:STRETCHES]
        if not ask:
            break
        graph |= _read(github, ask, gone)
    found = first_shipped(deployed, wanted, graph)
    stamps = {
        sha: tuple(sorted(graph[commit].committed_at for commit in commits)) for sha, commits in found.by_deploy.items()
    }
    return Commits(by_sha=stamps, unknown=len(wanted) - len(stamps))


def _read(github: GitHubApi, shas: list[str], gone: set[str]) -> dict[str, Commit]:
    """A stretch of history from each of these; the ones that the repository has not are added to `gone`."""

    def check(repository: dict[str, Any]) -> dict[str, Commit]:
        found: dict[str, Commit] = {}
        for n, sha in enumerate(shas):
            if f"commit{n}" not in repository:
                raise MalformedAnswerError("the answer does not hold every commit that was asked for")
            held = repository[f"commit{n}"]
            if not isinstance(held, dict) or held.get("__typename") != "Commit":
                gone.add(sha)
                continue
            stretch = {commit.sha: commit for commit in map(_commit, connection(held, "history")[0])}
            if sha not in stretch:
                raise MalformedAnswerError("a history does not hold the commit that it begins with")
            found |= stretch
        return found

    variables = {f"commit{n}": sha for n, sha in enumerate(shas)}
    return github.graphql("commits", _query(len(shas)), check, **variables)


def _commit(node: dict[str, Any]) -> Commit:
    held = node.get("parents")
    parents = held.get("nodes") if isinstance(held, dict) else None
    oids = [parent.get("oid") for parent in parents if isinstance(parent, dict)] if isinstance(parents, list) else []
    if not isinstance(held, dict) or held.get("totalCount") != len(oids) or not isinstance(node.get("oid"), str):
        raise MalformedAnswerError("a commit has no sha, or not all its parents")
    try:
        committed_at = parse_iso(str(node.get("committedDate")))
    except ValueError as problem:
        raise MalformedAnswerError(f"a commit carries a wrong time: {problem}") from None
    return Commit(sha=node["oid"], committed_at=min(committed_at, LATEST), parents=tuple(map(str, oids)))
