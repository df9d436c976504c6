"""Every field of every answer, spoilt in turn: dropped, null, empty, of another type.

A run records what each server answers. Then each field of each kind of answer is spoilt, once in its first
occurrence and once in all of them, and the run is repeated: it must end with exit code 2 or know what it knew before.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any

from tests.fakes.faults import Edited
from tests.fakes.http_base import Exchange, Fault, Request, StandIn

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


@dataclass(frozen=True)
class Cell:
    """Some fields of one kind of answer, spoilt together in one way; a wrong cell is one field."""

    kind: str
    paths: tuple[Path, ...]
    how: str
    only_first: bool

    def __str__(self) -> str:
        which = "first" if self.only_first else "all"
        return f"{self.kind}: {', '.join('.'.join(path) for path in self.paths)} {self.how} ({which})"

    @property
    def halves(self) -> tuple[Cell, Cell]:
        """The same for one half of the fields, and for the other."""
        middle = len(self.paths) // 2
        return replace(self, paths=self.paths[:middle]), replace(self, paths=self.paths[middle:])


@dataclass
class Spoiler:
    """Serves right answers but for the fields of one cell."""

    cell: Cell

    def serve(self, exchange: Exchange) -> None:
        if kind_of(exchange.request) == self.cell.kind:
            Edited(self._edit).serve(exchange)
        else:
            exchange.right_answer().serve(exchange)

    def _edit(self, body: Any) -> Any:
        body = deepcopy(body)
        for path in reversed(self.cell.paths):  # what is inside before what it is in
            parents = list(_parents(body, path))
            for parent in parents[:1] if self.cell.only_first else parents:
                _spoil(parent, path[-1], self.cell.how)
        return body


def cells(bodies: dict[str, list[Any]], together: int = 32) -> list[Cell]:
    """Return the cells: each field, way of spoiling, and first or all; `all` only where there are several."""
    result = []
    for kind, answers in sorted(bodies.items()):
        single, several = [], []
        for path in fields_of(answers):
            single.append(path)
            if any(len(list(_parents(body, path))) > 1 for body in answers):
                several.append(path)
        for paths, only_first in ((single, True), (several, False)):
            size = 1 if kind.startswith("GraphQL") else together  # what is asked for is read
            groups = [tuple(paths[start : start + size]) for start in range(0, len(paths), size)]
            result += [Cell(kind, group, how, only_first) for group in groups for how in SPOILT]
    return result


@dataclass(kw_only=True)
class Fuzz:
    """One scenario: its servers, a run of it, and what may come out of a run.

    Fields that nothing reads are spoilt together: where a run with all of them knows what it knew before, none of
    them is wrong alone. Where it does not, each half is tried, down to single fields.
    """

    servers: list[StandIn]
    run: Callable[[], Any]
    is_right: Callable[[Cell, Any, Any], bool]
    truth: Any = None
    count: int = 0

    def record(self) -> dict[str, list[Any]]:
        """Run once without a fault; return the answers by their kind."""
        recorder = Recorder()
        self.truth = self._run_with(recorder)
        return recorder.bodies

    def wrong(self, cell: Cell) -> list[Cell]:
        """Return each field of the cell that leads to a wrong outcome."""
        outcome = self._run_with(Spoiler(cell))
        if len(cell.paths) == 1 or outcome == self.truth:
            self.count += len(cell.paths)
            return [] if self.is_right(cell, outcome, self.truth) else [cell]
        return [wrong for half in cell.halves for wrong in self.wrong(half)]

    def _run_with(self, fault: Fault) -> Any:
        for server in self.servers:
            server.fail("", times=None, fault=fault)
        outcome = self.run()
        for server in self.servers:
            server.heal()
        return outcome
