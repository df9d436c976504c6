"""Faults for some requests only, picked by what they ask: GraphQL has one address for everything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.fakes.faults import Edited
from tests.fakes.http_base import Exchange, Fault, Request

Hits = Callable[[Request], bool]


class Aimed:
    """A fault for the requests that `hits` picks, `times` of them (None: all); the others are answered right."""

    def __init__(self, hits: Hits, fault: Fault, times: int | None = None) -> None:
        self._hits, self._fault, self._left = hits, fault, times
        self.struck = self.finished = 0  # a client that gave up on a silent server leaves its request unfinished

    def serve(self, exchange: Exchange) -> None:
        if self._left == 0 or not self._hits(exchange.request):
            exchange.right_answer().serve(exchange)
            return
        self.struck += 1
        if self._left is not None:
            self._left -= 1
        self._fault.serve(exchange)
        self.finished += 1


def query_of(name: str, *, first_page: bool | None = None) -> Hits:
    """GraphQL requests by the name of their operation, and by whether they ask for the first page."""

    def hits(request: Request) -> bool:
        if not request.path.endswith("/graphql"):
            return False
        payload = request.json()
        page = first_page is None or (payload["variables"].get("after") is None) is first_page
        return f"query {name}(" in payload["query"] and page

    return hits


def rest(path: str, *, page: int | None = None, filtered: bool | None = None) -> Hits:
    """GET requests whose path ends so, by their page and by whether they filter by time."""

    def hits(request: Request) -> bool:
        asked = page is None or request.query.get("page", "1") == str(page)
        by_time = filtered is None or ("created" in request.query) is filtered
        return request.method == "GET" and request.path.endswith(path) and asked and by_time

    return hits


def said(connection: str, **changes: Any) -> Edited:
    """A GraphQL answer whose connection says something else about itself: `said("deployments", totalCount=9)`."""

    def edit(body: Any) -> Any:
        current = body["data"].get("repository") or body["data"]["node"]
        current[connection].update(changes)
        return body

    return Edited(edit)


def listed(**changes: Any) -> Edited:
    """A REST page that says something else about itself: `listed(total_count=0, workflow_runs=[])`."""
    return Edited(lambda body: {**body, **changes})
