"""Reads the pages of GitHub's deployments from both ends of the list, with the stubs at the commits already seen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice

from flowjoy.analysis.promise.dependencies import HEAD
from flowjoy.clients.github import PER_PAGE, GitHubApi
from flowjoy.clients.github_deployments import Deployment, Ends, read_page
from flowjoy.clients.github_files import MAX_IDS, BlobIds, WantedStubs
from flowjoy.clients.responses import Connection
from flowjoy.domain import StubFile
from flowjoy.errors import HarvestError
from flowjoy.sources.base import Clients, HarvestQuery


@dataclass(kw_only=True)
class DeploymentPages:
    """The deployments that the pages showed, from either end by their ids, and what came with them.

    `newest`: the first page of those to any environment.
    """

    newest_first: dict[int, Deployment] = field(default_factory=dict)
    oldest_first: dict[int, Deployment] = field(default_factory=dict)
    newest: Connection[Deployment] | None = None
    stubs: dict[str, StubFile] = field(default_factory=dict)
    stub_ids: BlobIds = field(default_factory=dict)
    count: int = 0

    @property
    def meet(self) -> bool:
        """Whether both ends show the same deployment and all that are counted, so that none is missing between them."""
        shared = self.newest_first.keys() & self.oldest_first.keys()
        return bool(shared) and len(self.newest_first.keys() | self.oldest_first.keys()) >= self.count

    def up_to(self, query: HarvestQuery) -> tuple[Deployment, ...]:
        """Return the deployments, newest first, up to the first page that ends before the horizon."""
        if not self.meet:
            return tuple(self.newest_first.values())
        every = {**self.newest_first, **self.oldest_first}.values()
        nodes = sorted(every, key=lambda node: (node.created_at, node.database_id), reverse=True)
        for end in range(PER_PAGE, len(nodes), PER_PAGE):
            if nodes[end - 1].created_at < query.horizon:
                return tuple(nodes[:end])
        return tuple(nodes)


def read(github: GitHubApi, query: HarvestQuery, access: Clients, environments: list[str]) -> DeploymentPages:
    """Read every deployment to the environments, back to the horizon.

    A query takes a page of the newest and one of the oldest, until they meet. New deployments are inserted before the
    newest, so they move nothing. Raise HarvestError if the list has no end, or shows fewer deployments than it counts.
    """
    pages = DeploymentPages()
    ends = Ends(both=not query.known_code or len(query.known_code) > PER_PAGE)
    while True:
        known = len(pages.newest_first)
        wanted = _wanted(pages, query, is_first=ends.newest is None)
        page, stubs, ids = read_page(github, ends, environments, wanted)
        listed, oldest = page.deployments, _in_order(page.oldest)
        pages.newest = pages.newest or page.newest
        pages.count = pages.count if known else listed.total_count
        pages.stubs |= stubs
        pages.stub_ids |= ids
        pages.newest_first |= _by_id(listed.nodes)
        pages.oldest_first |= _by_id(oldest.nodes if oldest is not None else ())
        access.progress(f"GitHub deployments: {len(listed.nodes)} more of {listed.total_count}")
        if pages.meet or _ends(listed, pages, query):
            return pages
        if len(pages.newest_first) == known:
            raise HarvestError("GitHub deployments: the list repeats itself without an end", hint="run again")
        # Those before the horizon are not read, so an end that lies before it does not help.
        after = oldest.cursor if oldest is not None and oldest.nodes[-1].created_at >= query.horizon else None
        ends = Ends(newest=listed.cursor, oldest=after, both=after is not None)


def _ends(listed: Connection[Deployment], pages: DeploymentPages, query: HarvestQuery) -> bool:
    """Return whether the newest end needs no other one. Raise HarvestError if its list is shorter than it counts."""
    shown = len(pages.newest_first)
    if listed.cursor is None and shown < pages.count:
        raise HarvestError(f"GitHub deployments: the list ends after {shown} of {pages.count}", hint="run again")
    return listed.cursor is None or (bool(listed.nodes) and listed.nodes[-1].created_at < query.horizon)


def _in_order(oldest: Connection[Deployment] | None) -> Connection[Deployment] | None:
    """Return the page if it begins with its oldest deployment: a server that ignores the order shows the other end."""
    stamps = [node.created_at for node in oldest.nodes] if oldest is not None else []
    return oldest if stamps and stamps == sorted(stamps) else None


def _wanted(pages: DeploymentPages, query: HarvestQuery, *, is_first: bool) -> WantedStubs:
    """Return what to ask for with the next page: the stub of the head, and the ids of stubs at commits seen so far."""
    seen = (node.commit_oid for nodes in (pages.newest_first, pages.oldest_first) for node in nodes.values())
    commits = [HEAD, *query.new_commits] if is_first else [HEAD]
    unknown = (sha for sha in dict.fromkeys((*query.remembered, *seen)) if sha not in pages.stub_ids)
    asked = list(islice((sha for sha in unknown if sha not in query.new_commits), MAX_IDS))
    return WantedStubs(path=query.settings.model_stub, commits=commits, ids=asked)


def _by_id(nodes: Iterable[Deployment]) -> dict[int, Deployment]:
    return {node.database_id: node for node in nodes}
