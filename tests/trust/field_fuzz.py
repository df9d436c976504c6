"""Every field of every answer, spoilt in turn: dropped, null, empty, of another type.

A run records what each server answers. Then each field of each kind of answer is spoilt, once in its first
occurrence and once in all of them, and the run is repeated: it must end with exit code 2 or know what it knew before.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.stand_ins.faults import Edited
from tests.stand_ins.http_base import Exchange, Request, StandIn

Path = tuple[str, ...]
"""Keys from the root of an answer to a field; `*` is every item of a list."""

SPOILT = ("dropped", "null", "empty", "other type")


def kind_of(request: Request) -> str:
    """Return which API operation a request asks for, without ids."""
    operation = re.search(r"(?:query|mutation) (\w+)", request.body.decode(errors="replace"))
    if request.path.endswith("graphql") and operation:
        return f"GraphQL {operation[1]}"
    path = re.sub(r"/[0-9a-f]{40}(?=/|$)", "/{sha}", request.path)
    return f"{request.method} " + re.sub(r"/[QP]?\d+(?=/|$)", "/{id}", path)


@dataclass
class Recorder:
    """Serves the right answers and keeps the JSON ones by their kind."""

    bodies: dict[str, list[Any]] = field(default_factory=dict)

    def serve(self, exchange: Exchange) -> None:
        right = exchange.right_answer()
        if isinstance(right.body, dict | list):
            self.bodies.setdefault(kind_of(exchange.request), []).append(right.body)
        right.serve(exchange)


def paths_in(body: Any, prefix: Path = ()) -> Iterator[Path]:
    """Yield the path of each field of an answer; items of a list share one path."""
    if isinstance(body, dict):
        for key, value in body.items():
            yield (*prefix, key)
            yield from paths_in(value, (*prefix, key))
    elif isinstance(body, list):
        for item in body:
            yield from paths_in(item, (*prefix, "*"))


def fields_of(bodies: list[Any]) -> list[Path]:
    """Return every path that occurs in any of the answers, each once, in a stable order."""
    return sorted({path for body in bodies for path in paths_in(body)})


def _empty(value: Any) -> Any:
    return {str: "", bool: False, int: 0, float: 0.0, list: [], dict: {}}.get(type(value), "")


def _other_type(value: Any) -> Any:
    if isinstance(value, str):
        return 7
    return "x" if isinstance(value, bool | int | float) or value is None else 3


def _spoil(parent: dict[str, Any], key: str, how: str) -> None:
    value = parent[key]
    if how == "dropped":
        del parent[key]
    else:
        parent[key] = {"null": lambda _: None, "empty": _empty, "other type": _other_type}[how](value)


def _parents(body: Any, path: Path) -> Iterator[dict[str, Any]]:
    """Yield each object that holds the last key of the path."""
    if len(path) == 1:
        if isinstance(body, dict) and path[0] in body:
            yield body
    elif path[0] == "*":
        for item in body if isinstance(body, list) else ():
            yield from _parents(item, path[1:])
    elif isinstance(body, dict) and path[0] in body:
        yield from _parents(body[path[0]], path[1:])


@dataclass
class Spoiler:
    """Serves right answers but for one field of one kind of answer."""

    kind: str
    path: Path
    how: str
    only_first: bool
    struck: int = 0

    def serve(self, exchange: Exchange) -> None:
        if kind_of(exchange.request) == self.kind:
            Edited(self._edit).serve(exchange)
        else:
            exchange.right_answer().serve(exchange)

    def _edit(self, body: Any) -> Any:
        parents = list(_parents(body, self.path))
        for parent in parents[:1] if self.only_first else parents:
            _spoil(parent, self.path[-1], self.how)
            self.struck += 1
        return body


@dataclass(frozen=True)
class Cell:
    """One spoilt field, and what a run made of it; `run` is None where the field was never met."""

    kind: str
    path: Path
    how: str
    only_first: bool

    def __str__(self) -> str:
        which = "first" if self.only_first else "all"
        return f"{self.kind}: {'.'.join(self.path)} {self.how} ({which})"


def cells(bodies: dict[str, list[Any]]) -> list[Cell]:
    """Return one cell for each field, way of spoiling, and first or all; `all` only where there are several."""
    found = []
    for kind, answers in sorted(bodies.items()):
        for path in fields_of(answers):
            several = any(len(list(_parents(body, path))) > 1 for body in answers)
            found += [
                Cell(kind, path, how, first) for how in SPOILT for first in ((True, False) if several else (True,))
            ]
    return found


def wrong_verdicts(
    servers: list[StandIn], run: Callable[[], Any], is_right: Callable[[Cell, Any, Any], bool]
) -> tuple[list[Cell], int]:
    """Spoil every field and return the cells whose run is not right, and how many cells were run."""
    recorder = Recorder()
    for server in servers:
        server.fail("", times=None, fault=recorder)
    truth = run()
    for server in servers:
        server.heal()
    tried = cells(recorder.bodies)
    wrong = []
    for cell in tried:
        spoiler = Spoiler(cell.kind, cell.path, cell.how, cell.only_first)
        for server in servers:
            server.fail("", times=None, fault=spoiler)
        outcome = run()
        for server in servers:
            server.heal()
        if not is_right(cell, outcome, truth):
            wrong.append(cell)
    return wrong, len(tried)
