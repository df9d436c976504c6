"""Deployments that succeeded here before a status moved them to another environment, under which GitHub lists them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from flowjoy.analysis.promise.dependencies import HEAD
from flowjoy.clients.github import GitHubApi
from flowjoy.clients.github_deployments import Deployment, Ends, read_page
from flowjoy.clients.github_files import WantedStubs
from flowjoy.clients.responses import Connection
from flowjoy.domain import Note, NoteLevel
from flowjoy.domain.timestamps import iso
from flowjoy.sources.base import HarvestQuery
from flowjoy.sources.github_missing_environments import is_ours

MAX_PAGES = 5

_BEFORE_LAST_LOOK = timedelta(days=1)
"""A deployment may be under way for a while: the last run saw it, but not yet that it succeeded."""


@dataclass(frozen=True, kw_only=True)
class Moved:
    """The deployments that moved on, and a note if the search did not reach its end."""

    nodes: tuple[Deployment, ...] = ()
    notes: tuple[str, ...] = ()


def moved_on(
    github: GitHubApi, listed: Sequence[Deployment], newest: Connection[Deployment], query: HarvestQuery
) -> Moved:
    """Return the deployments to any environment that succeeded here and are not `listed`.

    `newest`: the first page. It is read on back to the last run, which knows the earlier ones, at most `MAX_PAGES`.
    """
    since = query.horizon if query.looked_at is None else query.looked_at - _BEFORE_LAST_LOOK
    known = {node.database_id for node in listed}
    nodes = {node.database_id: node for node in newest.nodes}
    page, pages = newest, 1
    # Where every deployment is listed, none has moved.
    while page.cursor is not None and newest.total_count > len(known) and page.nodes[-1].created_at >= since:
        if pages == MAX_PAGES:
            break
        wanted = WantedStubs(path=query.settings.model_stub, commits=[HEAD])
        page, pages = read_page(github, Ends(newest=page.cursor), None, wanted)[0].deployments, pages + 1
        nodes |= {node.database_id: node for node in page.nodes}
        if not page.nodes:
            break
    moved = tuple(
        node
        for node in nodes.values()
        if node.database_id not in known
        and any(status.state == "SUCCESS" and is_ours(status, node, query) for status in node.statuses.nodes)
    )
    oldest = min((node.created_at for node in nodes.values()), default=since)
    if page.cursor is None or newest.total_count <= len(known) or oldest < since:
        return Moved(nodes=moved)
    text = f"deployments that a status moved to another environment were looked for back to {iso(oldest)} only"
    return Moved(nodes=moved, notes=(Note(text, NoteLevel.WARNING),))
