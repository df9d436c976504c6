"""The meaning of the columns of a file of deploys: whether a row counts, or why it does not."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from flowjoy.domain import EventType, commit_sha
from flowjoy.domain.name_patterns import any_match, likely_first
from flowjoy.domain.timestamps import parse_iso
from flowjoy.errors import HarvestError
from flowjoy.sources.base import HarvestQuery
from flowjoy.sources.tabular import NOTHING, Row, TextTable

STATUS = ("conclusion", "result", "status", "state")
SERVICE = ("service", "service_name")
REPOSITORY = ("repository", "repo")
ENVIRONMENT = ("environment", "env")
TYPE = ("type",)
URL = ("url", "html_url")
JUDGED = (*STATUS, *SERVICE, *REPOSITORY, *ENVIRONMENT, *TYPE)


def _set_of(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SUCCEEDED = _set_of(
    "success successful successfully succeeded succeed ok passed pass deployed released shipped live active true"
    # A registered version.
    " ready"
)
_REPLACED = "inactive"
"""GitHub's word for the success of a deployment that a later one replaced; it says nothing about a model."""

_NOT_SUCCEEDED = _set_of(
    "failure failed fail error errored false cancelled canceled aborted skipped neutral stale timed_out timeout"
    " action_required startup_failure unstable not_built rejected abandoned pending queued requested waiting scheduled"
    " created preparing waiting_for_resource manual blocked in_progress failed_registration pending_registration"
)
_ENDED = _set_of("completed complete finished done")
"""It ended, well or not."""

_TYPES = {
    EventType.CODE: _set_of("code deploy deployment redeploy rollback hotfix release application app"),
    EventType.MODEL: _set_of("model ship model_version copy"),
}
_MAX_NAMED = 10


class RowProblem(StrEnum):
    """Why a row does not count, as notes have it."""

    ENVIRONMENT = "of another environment"
    SERVICE = "of another service"
    REPOSITORY = "of another repository"
    TYPE = "of another type"
    STATUS = "that did not succeed"


@dataclass(frozen=True, kw_only=True)
class JudgedRow:
    """A row, and why it does not count (None if it counts), with the text that says so."""

    row: Row
    misfit: RowProblem | None = None
    word: str = ""


def judge(table: TextTable, label: str, kind: EventType, query: HarvestQuery) -> tuple[JudgedRow, ...]:
    """Return every row of a file of code or model deploys, and whether it counts.

    Raise HarvestError for a status that is neither success nor failure: counting or skipping it would be a guess.
    """
    untyped = next((row for row in table.rows if row.get(*TYPE) is None), None)
    if query.settings.shares_file and untyped is not None:
        raise HarvestError(
            f"{label}: code-file and model-file name the same file, and line {untyped.line} has no `type`",
            hint="give each a file of its own, or a column `type` with `code` or `model` in every row",
        )
    repositories = {name for row in table.rows if (name := row.get(*REPOSITORY)) is not None}
    if not query.repository and len(repositories) > 1:
        hint = "set GITHUB_REPOSITORY to one of them"
        raise HarvestError(
            f"{label}: there are several repositories ({named_briefly(sorted(repositories))})", hint=hint
        )
    return tuple(_judged(row, label, kind, query) for row in table.rows)


def _judged(row: Row, label: str, kind: EventType, query: HarvestQuery) -> JudgedRow:
    settings = query.settings
    wanted: tuple[tuple[RowProblem, Sequence[str], Callable[[str], bool]], ...] = (
        (RowProblem.SERVICE, SERVICE, lambda name: names_service(name, settings.service)),
        (RowProblem.REPOSITORY, REPOSITORY, lambda name: _is_repository(name, query.repository)),
        (RowProblem.ENVIRONMENT, ENVIRONMENT, lambda name: _is_environment(name, settings.environment)),
        (RowProblem.TYPE, TYPE, lambda name: _is_type(name, kind, row, label)),
    )
    for misfit, columns, fits in wanted:
        name = row.get(*columns)
        if name is not None and not fits(name):
            return JudgedRow(row=row, misfit=misfit, word=name)
    failed = _failure(row, label, kind)
    return JudgedRow(row=row) if failed is None else JudgedRow(row=row, misfit=RowProblem.STATUS, word=failed)


def word_of(cell: str) -> str:
    """Return text in the form in which it is compared: `Timed out` is `timed_out`."""
    return re.sub(r"[\W_]+", "_", cell).strip("_").casefold()


def names_service(cell: str, service: str) -> bool:
    """Return whether a cell, which may list several services, names this one."""
    named = (name.strip(" []\"'").casefold() for name in re.split(r"[,;|\n]", cell))
    return service.casefold() in named


def _is_environment(cell: str, wanted: Iterable[str]) -> bool:
    """Return whether a cell names one of the environments, or matches a glob, in whatever case."""
    return any_match(cell.casefold(), [pattern.casefold() for pattern in wanted])


def _is_repository(cell: str, repository: str) -> bool:
    """Return whether a cell names the repository: by its address, as owner/name, or by its name alone.

    Where the run does not know its own repository, every one may be.
    """
    owner_and_name = re.sub(r"\.git$", "", cell.strip().rstrip("/"), flags=re.IGNORECASE).casefold()
    ours = repository.casefold()
    parts = re.split(r"[/:]", owner_and_name)
    return not ours or "/".join(parts[-2:]) == ours or owner_and_name == ours.rpartition("/")[2]


def _is_type(cell: str, kind: EventType, row: Row, label: str) -> bool:
    known = next((name for name, values in _TYPES.items() if word_of(cell) in values), None)
    if known is None:
        understood = ", ".join(sorted({*_TYPES[EventType.CODE], *_TYPES[EventType.MODEL]}))
        hint = f"write `code` or `model`, or rename the column (understood: {understood})"
        raise HarvestError(f"{label}, line {row.line}, type: {_shown(cell)} is not a known type", hint=hint)
    return known is kind


def _failure(row: Row, label: str, kind: EventType) -> str | None:
    """Return the text by which a row says that it did not succeed; None if it did, or does not have such a column."""
    succeeded = _SUCCEEDED | {_REPLACED} if kind is EventType.CODE else _SUCCEEDED
    cells = [(name, row.cells[name].strip()) for name in STATUS if name in row.cells]
    # Any other character may change the meaning: `READY?`, `passed*`.
    values = [re.sub(r"[\s_-]+", "_", cell).casefold() for _, cell in cells]
    for (name, cell), word in zip(cells, values, strict=True):
        if word in _NOT_SUCCEEDED:
            _refuse_contradiction((name, cell), cells, label, row)
            return cell
        nothing = cell.casefold() in NOTHING - {"unknown"}
        if not nothing and word not in succeeded | _ENDED:
            raise HarvestError(
                f"{label}, line {row.line}, {name}: {_shown(cell)} says neither success nor failure",
                hint="write `success` or `failure`, or rename the column where it means something else",
            )
    if [name for name, _ in cells] == ["conclusion"] and not cells[0][1]:
        return "no conclusion yet"  # GitHub gives a run its conclusion when it ends
    if cells and succeeded.isdisjoint(values):
        name, cell = next((pair for pair in cells if pair[1]), cells[0])
        raise HarvestError(
            f"{label}, line {row.line}, {name}: {_shown(cell)} does not say whether it succeeded",
            hint="write `success` or `failure` there or in a column `conclusion`",
        )
    return None


def _refuse_contradiction(failed: tuple[str, str], cells: Sequence[tuple[str, str]], label: str, row: Row) -> None:
    """Raise HarvestError if another cell of a row that did not succeed says that it did."""
    for name, cell in cells:
        if word_of(cell) in _SUCCEEDED:
            raise HarvestError(
                f"{label}, line {row.line}: {failed[0]} {_shown(failed[1])} contradicts {name} {_shown(cell)}",
                hint="correct the row, or rename the column that is not about the deploy",
            )


def notes_of(judged: Iterable[JudgedRow]) -> tuple[str, ...]:
    """Return one note for each reason why rows do not count, with their number and the texts that say so."""
    values: dict[RowProblem, list[str]] = {}
    for item in judged:
        if item.misfit is not None:
            values.setdefault(item.misfit, []).append(item.word)
    return tuple(left_out(misfit.value, values[misfit]) for misfit in RowProblem if misfit in values)


def left_out(why: str, values: Sequence[str]) -> str:
    """Return the note on rows that do not count. `values`: the text of each row, which may be empty."""
    named = named_briefly(sorted(filter(None, values)))
    rows = f"{len(values)} row{'s' if len(values) > 1 else ''}"
    return f"left out: {rows} {why}" + (f" ({named})" if named else "")


def unread_columns(table: TextTable, known: Iterable[str]) -> tuple[str, ...]:
    """Return one note that names the columns that are not read."""
    others = [spelled for name, spelled in table.columns.items() if name and name not in known]
    return (f"columns that are not read: {named_briefly(sorted(others))}",) if others else ()


def named_briefly(values: Iterable[str]) -> str:
    """Return the texts, each once and shortened, and the first ten of them."""
    named = list(dict.fromkeys(" ".join(word.split())[:40] for word in values))
    more = f" and {len(named) - _MAX_NAMED} more" if len(named) > _MAX_NAMED else ""
    return ", ".join(named[:_MAX_NAMED]) + more


def _shown(cell: str) -> str:
    return repr(" ".join(cell.split())[:40])


def guessed(cell: str) -> str | None:
    """Return the column of a cell of a code file without a header line; None if that is ambiguous."""
    if commit_sha.is_full(commit_sha.lowered(cell)):
        return "sha"
    if cell.startswith("https://"):
        return "url"
    if word_of(cell) in _SUCCEEDED | _NOT_SUCCEEDED | {_REPLACED}:
        return "conclusion"
    try:
        parse_iso(cell)
    except ValueError:
        return None
    return "ts"


_REFUSED: Mapping[RowProblem, tuple[str, str]] = {
    RowProblem.SERVICE: ("of the service", "set service to one of: "),
    RowProblem.REPOSITORY: ("of the repository", "their repositories are: "),
    RowProblem.ENVIRONMENT: ("in the environment", "set environment to one of: "),
    RowProblem.TYPE: ("of the type", "their types are: "),
}


def refuse_foreign(judged: Sequence[JudgedRow], label: str, records: str, wanted: Mapping[RowProblem, str]) -> None:
    """Raise HarvestError if every row is of something else: a misspelt name must not read as "no deploys"."""
    if not judged or any(item.misfit in (None, RowProblem.STATUS) for item in judged):
        return
    for misfit, (where, cure) in _REFUSED.items():
        values = [item.word for item in judged if item.misfit is misfit]
        if values:
            problem = f"{label}: there are {records}, but none {where} {wanted[misfit]!r}"
            raise HarvestError(problem, hint=cure + named_briefly(likely_first(values, wanted[misfit].split(","))))
