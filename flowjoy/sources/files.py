"""Deploys of code and models from files of the workspace."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from flowjoy.domain import CodeRecord, EventType, ModelRecord, ModelVersion, Note, NoteLevel, commit_sha
from flowjoy.domain.deduplication import fold, shipped_again
from flowjoy.domain.hosts import https_only
from flowjoy.domain.name_patterns import split_hint
from flowjoy.domain.timestamps import iso, parse_epoch_ms, parse_iso
from flowjoy.errors import HarvestError
from flowjoy.sources import file_cells as cells
from flowjoy.sources import file_columns as columns
from flowjoy.sources.base import Clients, Entry, HarvestQuery, SourceResult
from flowjoy.sources.file_columns import JudgedRow, RowProblem
from flowjoy.sources.tabular import Row, TextShape, TextTable, read_table, read_text

_INTEGER_AS_FLOAT = re.compile(r"(\d{1,15})\.0+", re.ASCII)
_SHA = ("sha", "head_sha", "commit_sha", "commit")
_NAME = ("name", "model")
_EPOCH_MS = "creation_timestamp"
"""MLflow's name for the time at which a version was registered, in milliseconds."""

CODE = TextShape(
    label="code file",
    times=("ts",),
    known=frozenset({"ts", "id", *_SHA, *columns.URL, *columns.JUDGED}),
    cure="write a header line such as ts,sha,status, or objects with these keys; `ts` is when the deploy succeeded:"
    " `gh run list --workflow release.yml --json updatedAt,headSha,conclusion"
    " --jq '.[] | {ts: .updatedAt, sha: .headSha, conclusion}'`;"
    " GitHub's deployments are read by `code-source: deployments`",
    bare="ts",
    guess=columns.guessed,
)
MODEL = TextShape(
    label="model file",
    times=("ts", _EPOCH_MS),
    known=frozenset(
        {"ts", _EPOCH_MS, *_NAME, "version", "run_id", "source", "model_id", *columns.URL, *columns.JUDGED}
    ),
    cure="write a header line such as ts,name,version, or objects with these keys; `ts` is when the version shipped"
    " (MLflow's creation_timestamp serves)",
    bare="ts",
)


class CodeFile:
    """`code-source: file`."""

    label = CODE.label

    def fetch(self, query: HarvestQuery, access: Clients) -> str:
        """Return the file's text."""
        return read_text(query.settings.code_file)

    def parse(self, raw: str, query: HarvestQuery) -> SourceResult[CodeRecord]:
        """Return one record for each row that counts. A bare timestamp is a deploy of a new sha."""
        table = _with_time(read_table(raw, CODE), CODE)
        judged = columns.judge(table, self.label, EventType.CODE, query)
        settings = query.settings
        wanted = {RowProblem.SERVICE: settings.service, RowProblem.ENVIRONMENT: settings.environments}
        wanted |= {RowProblem.REPOSITORY: query.repository, RowProblem.TYPE: "code"}
        columns.refuse_foreign(judged, self.label, "deployments", wanted)
        ours = [(item.row, _code(item.row, query)) for item in judged if item.misfit is None]
        records = cells.with_distinct_ids(ours, lambda item: item.sha or "", self.label)
        notes = (*columns.notes_of(judged), *_nothing_succeeded(judged), *columns.unread_columns(table, CODE.known))
        folded = fold(records)
        skipped = (_skipped(item, item.misfit, query) for item in judged if item.misfit is not None)
        entries = (*(Entry.of(record, record.environment) for record in folded), *filter(None, skipped))
        return SourceResult(records=folded, notes=notes, entries=entries)


def _nothing_succeeded(judged: Iterable[JudgedRow]) -> tuple[Note, ...]:
    """Return a warning if the service has rows and none of them succeeded: nothing is released, so nothing is owed."""
    misfits = {item.misfit for item in judged}
    if None in misfits or RowProblem.STATUS not in misfits:
        return ()
    cure = "if a deployment succeeded, write `success` in its row"
    return (Note(f"no row succeeded, so nothing counts as released; {cure}", NoteLevel.WARNING),)


def _skipped(item: JudgedRow, misfit: RowProblem, query: HarvestQuery) -> Entry | None:
    """Return the entry of a row that does not count; None if its time cannot be read."""
    try:
        at = parse_iso(item.row.get("ts") or "")
    except ValueError:
        return None
    wanted = query.settings.environments
    reason, detail, label = f"a row {misfit.value}", item.word, wanted
    if misfit is RowProblem.ENVIRONMENT:
        reason, detail, label = f"environment {item.word}, not {wanted}", "", item.word
    return Entry(
        id=f"row {item.row.line}",
        at=at,
        label=label,
        sha=item.row.get("sha"),
        reason=reason,
        detail=detail,
        is_ours=False,
    )


class ModelFile:
    """`model-source: file`."""

    label = MODEL.label

    def fetch(self, query: HarvestQuery, access: Clients) -> str:
        """Return the file's text."""
        return read_text(query.settings.model_file)

    def parse(self, raw: str, query: HarvestQuery) -> SourceResult[ModelRecord]:
        """Return one record for each row that counts, of the models asked for.

        A bare timestamp is a new version of the only model. A version that did not succeed is known but not ready.
        """
        table = _with_time(read_table(raw, MODEL), MODEL)
        asked, settings = {*query.models, *query.candidates}, query.settings
        foreign = [row for row in table.rows if asked and row.get(*_NAME) not in {None, *asked}]
        ours = replace(table, rows=tuple(row for row in table.rows if not asked or row.get(*_NAME) in {None, *asked}))
        judged = columns.judge(ours, self.label, EventType.MODEL, query)
        wanted = {RowProblem.SERVICE: settings.service, RowProblem.ENVIRONMENT: settings.environments}
        wanted |= {RowProblem.REPOSITORY: query.repository, RowProblem.TYPE: "model"}
        columns.refuse_foreign(judged, self.label, "model versions", wanted)
        rows = [item.row for item in judged if item.misfit in (None, RowProblem.STATUS)]
        named = _names([*foreign, *rows], query)
        records = [_model(item.row, query) for item in judged if item.misfit is None]
        notes = [*columns.notes_of(judged), *columns.unread_columns(table, MODEL.known)]
        if named and None not in named:
            notes += [_unnamed(name, named) for name in query.models if name not in named]
        return SourceResult(
            records=shipped_again(_distinct(records)),
            notes=tuple(notes) if table.rows else (),
            versions=_versions(records, [item.row for item in judged if item.misfit is RowProblem.STATUS], query),
        )


def _unnamed(name: str, named: Iterable[str | None]) -> str:
    """Return the note on a model without a row, with the cure if its name joins several."""
    hint = split_hint(name, named)
    return f"no row of {name}: it counts as never shipped" + (f"; {hint}" if hint else "")


def _names(rows: list[Row], query: HarvestQuery) -> set[str | None]:
    """Return the models that rows name. Raise HarvestError if a row without a name is ambiguous."""
    named = {row.get(*_NAME) for row in rows}
    if None in named and (len(named) > 1 or len(query.models) != 1):
        nameless = next(row.line for row in rows if row.get(*_NAME) is None)
        raise HarvestError(
            f"{MODEL.label}, line {nameless}: the model is missing, although other rows name one or `models` does not "
            "name exactly one",
            hint="add a column `name`, or name one model in `models`",
        )
    return named


def _versions(records: list[ModelRecord], failed: list[Row], query: HarvestQuery) -> tuple[ModelVersion, ...]:
    """Return the versions that a merge gate may require. A version that shipped is ready."""
    stamps: dict[tuple[str, str], set[str]] = {}
    for record in records:
        stamps.setdefault((record.name, record.version or ""), set()).add(record.stamp or "")
    ready = stamps.keys()
    known = {(row.get(*_NAME) or query.models[0], _version(row) or "") for row in failed}
    others = {pair for pair in known - ready if pair[1]}
    return tuple(
        ModelVersion(name=n, version=v, ready=(n, v) in ready, stamps=tuple(sorted(stamps.get((n, v), ()))))
        for n, v in sorted(ready | others)
    )


def _with_time(table: TextTable, shape: TextShape) -> TextTable:
    """Return the table. Raise HarvestError, with how to write the file, if no column is a time."""
    if table.rows and not set(shape.times) & set(table.columns):
        first, names = table.rows[0], columns.named_briefly(sorted(table.columns.values()))
        problem = f"{shape.label}, line {first.line}, {shape.times[0]} does not have a time (columns: {names})"
        raise HarvestError(problem, hint=shape.cure)
    return table


def _code(row: Row, query: HarvestQuery) -> CodeRecord:
    service = query.settings.service
    at = cells.timestamp(row, "ts", CODE.label, query)
    identity = row.get("id")
    return CodeRecord(
        id=f"file:CODE:{identity}" if identity else f"file:CODE:{service}:{iso(at)}",
        service=service,
        environment=row.get(*columns.ENVIRONMENT) or query.settings.environments,
        sha=_sha(row),
        shipped_at=at,
        url=https_only(row.get(*columns.URL)),
    )


def _sha(row: Row) -> str | None:
    """Return the commit. Raise HarvestError for other text: releases of one branch would count as one commit."""
    sha = row.get(*_SHA)
    if sha is not None and not commit_sha.is_sha(sha):
        raise HarvestError(
            f"{CODE.label}, line {row.line}: {columns.named_briefly([sha])} is not the id of a commit",
            hint=f"write {commit_sha.SHORTEST} to 64 hexadecimal digits (`headSha`, not `headBranch`), or nothing",
        )
    return sha


def _model(row: Row, query: HarvestQuery) -> ModelRecord:
    name = row.get(*_NAME) or query.models[0]
    epoch = row.get("ts") is None and row.get(_EPOCH_MS) is not None
    at = cells.timestamp(row, _EPOCH_MS if epoch else "ts", MODEL.label, query, _epoch_ms if epoch else None)
    version = _version(row)
    return ModelRecord(
        id=f"model:{name}/{version}" if version else f"file:MODEL:{name}:{iso(at)}",
        name=name,
        version=version,
        shipped_at=at,
        run_id=row.get("run_id"),
        # Without the column the source is unknown; an empty cell says that the version does not have one.
        source=(row.get("source") or "") if "source" in row.cells else None,
        model_id=row.get("model_id"),
        url=https_only(row.get(*columns.URL)),
        stamp=f"row={iso(at)}",
    )


def _version(row: Row) -> str | None:
    """Return the version. Some exports write whole numbers as 12.0."""
    version = row.get("version")
    integer = _INTEGER_AS_FLOAT.fullmatch(version or "")
    return integer[1] if integer else version


def _epoch_ms(text: str) -> datetime:
    """Return the timestamp of text in epoch milliseconds or ISO-8601. Raise ValueError."""
    integer = _INTEGER_AS_FLOAT.fullmatch(text)
    digits = integer[1] if integer else text
    if re.fullmatch(r"\d{1,15}", digits, re.ASCII):
        return parse_epoch_ms(int(digits))
    return cells.written_iso(text)


def _distinct(records: list[ModelRecord]) -> list[ModelRecord]:
    """Return each ship once: the same version at the same time may be in several rows."""
    return list({(record.id, record.shipped_at): record for record in sorted(records, key=repr)}.values())
