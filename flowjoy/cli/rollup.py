"""`rollup`: joins the bundles of many services to the view of an organisation. Same bundles, same files: no clock."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TextIO

from flowjoy.actions.core import Console, ProgressLine, seconds_left
from flowjoy.analysis.bundle_analyses import HISTORY_WEEKS
from flowjoy.domain.plurals import grouped, plural
from flowjoy.domain.rollup import RollUp
from flowjoy.domain.rollup_rows import ServiceRow
from flowjoy.domain.timestamps import iso, parse_iso
from flowjoy.errors import FlowJoyError, InputError
from flowjoy.pipeline.rollup import Engine, ReadFile, RollUpTerms, roll_up
from flowjoy.pipeline.rollup_local import LocalEngine, processors
from flowjoy.pipeline.rollup_spark import SparkEngine, connected
from flowjoy.report import files
from flowjoy.report.rollup.renderings import renderings
from flowjoy.sources import expected_services

_DONE, _FAILED, _MISTAKE = 0, 1, 2
_FACTS = "facts"
_SHOWN = 20


def rollup(argv: Sequence[str], stream: TextIO | None = None, watched: TextIO | None = None) -> int:
    """Join the bundles and return the exit code.

    0: done. 1: `--fail-on` names a state that a service is in. 2: a mistake, nothing to count, or with `--strict` a
    bundle that was refused.
    """
    console = Console(on_actions=False, stream=stream)
    arguments = _parser().parse_args(list(argv))
    try:
        return _rollup(arguments, console, ProgressLine(watched))
    except FlowJoyError as problem:
        console.error(problem.advised)
    except OSError as problem:
        console.error(f"{problem.filename}: cannot be read or written ({problem.strerror})")
    return _MISTAKE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m flowjoy rollup", description=__doc__, allow_abbrev=False)
    add = parser.add_argument
    add(
        "folders",
        nargs="+",
        metavar="FOLDER",
        help="folders of bundles (.json) and reports (.zip); with Spark of any store",
    )
    add("--output-dir", type=Path, default=Path("flowjoy-rollup"), help="folder for the files (default flowjoy-rollup)")
    add("--as-of", metavar="INSTANT", help="the time of the view, ISO 8601 (default: the newest bundle's)")
    add("--weeks", type=int, default=12, help="the running week and those before it (default 12)")
    add("--services", type=Path, metavar="CSV", help="the services that should report: repository,service,team")
    add("--silent-after-hours", type=int, default=48, help="a service without a newer bundle is silent (default 48)")
    add("--fail-on", metavar="STATES", help="exit 1 if a service is in one: unknown,silent,breached")
    add("--strict", action="store_true", help="exit 2 if a bundle is refused")
    add(
        "--spark-master", metavar="URL", help="compute on Spark: spark://…, yarn, local[*], or sc://… for Spark Connect"
    )
    add(
        "--spark-facts",
        metavar="FOLDER",
        help="where Spark keeps facts for the next roll-up (default: in --output-dir)",
    )
    add("--jobs", type=int, default=processors(), help="processes that compute (default: one for each processor)")
    return parser


def _rollup(arguments: argparse.Namespace, console: Console, line: ProgressLine) -> int:
    terms, fail_on = _terms(arguments), _fail_on(arguments.fail_on)
    folder = arguments.output_dir.resolve()
    engine = _engine(arguments, folder / _FACTS)
    view = roll_up(engine, terms, _Progress(line))
    line.show("")
    problems: list[str] = []
    written = files.write(
        {**renderings(view), **_as_functions(engine.files())}, folder, folder, problems.append, console.redact
    )
    _log(view, [str(arguments.output_dir / name) for name in written], console)
    if arguments.strict and view.refused:
        problems.append(f"--strict: {plural(len(view.refused), 'bundle')} refused (see coverage.csv)")
    for problem in problems:
        console.error(problem)
    if problems:
        return _MISTAKE
    failing = list(dict.fromkeys(row.name for states in fail_on for row in states(view)))
    if failing:
        console.error(f"--fail-on: {', '.join(failing[:_SHOWN])}{' …' if len(failing) > _SHOWN else ''}")
    return _FAILED if failing else _DONE


def _engine(arguments: argparse.Namespace, facts: Path) -> Engine:
    """Return what reads and counts: Spark where its master is named, else this machine."""
    if arguments.spark_master is None:
        return LocalEngine([Path(folder) for folder in arguments.folders], facts, arguments.jobs)
    return SparkEngine(connected(arguments.spark_master), arguments.folders, arguments.spark_facts or str(facts))


def _terms(arguments: argparse.Namespace) -> RollUpTerms:
    """Return what is asked. Raise InputError, with every mistake."""
    mistakes = []
    if not 1 <= arguments.weeks <= HISTORY_WEEKS:
        mistakes.append(f"--weeks {arguments.weeks}: expected a number from 1 to {HISTORY_WEEKS}")
    if arguments.silent_after_hours < 1:
        mistakes.append(f"--silent-after-hours {arguments.silent_after_hours}: expected at least 1")
    if arguments.jobs < 1:
        mistakes.append(f"--jobs {arguments.jobs}: expected at least 1")
    if arguments.services is not None and arguments.services.resolve().parent == arguments.output_dir.resolve():
        mistakes.append(f"--services {arguments.services}: lies in --output-dir, which holds a services.csv of its own")
    as_of = None
    if arguments.as_of is not None:
        try:
            as_of = parse_iso(arguments.as_of)
        except ValueError as problem:
            mistakes.append(f"--as-of: {problem}")
    if mistakes:
        raise InputError(*mistakes)
    expected = () if arguments.services is None else expected_services.read(arguments.services)
    return RollUpTerms(
        as_of=as_of, weeks=arguments.weeks, silent_after_hours=arguments.silent_after_hours, expected=expected
    )


def _fail_on(text: str | None) -> tuple[Callable[[RollUp], Sequence[ServiceRow]], ...]:
    """Return the services that make the roll-up fail, by state. Raise InputError for a state that does not exist."""
    known: Mapping[str, Callable[[RollUp], Sequence[ServiceRow]]] = {
        "unknown": lambda view: view.unknown,
        "silent": lambda view: view.silent,
        "breached": lambda view: view.broken,
    }
    names = [] if text is None else [name.strip() for name in text.split(",")]
    wrong = [name for name in names if name not in known]
    if wrong:
        raise InputError(f"--fail-on {wrong[0]!r}: expected some of {', '.join(known)}, with commas")
    return tuple(known[name] for name in names)


def _as_functions(contents: Mapping[str, bytes]) -> dict[str, Callable[[], bytes]]:
    return {name: partial(bytes, raw) for name, raw in contents.items()}


class _Progress:
    """Shows how many bundles were read and refused, and the time left."""

    def __init__(self, line: ProgressLine) -> None:
        self._line, self._done, self._refused, self._began = line, 0, 0, time.monotonic()

    def __call__(self, read: Sequence[ReadFile], total: int) -> None:
        """Count some more files of `total`."""
        self._done += len(read)
        self._refused += sum(item.bundle.problem is not None for item in read)
        left = seconds_left(self._began, self._done, total)
        refused = f", {self._refused} refused" if self._refused else ""
        self._line.show(
            f"{self._done:,} of {grouped(max(total, self._done), 'bundle')} read{refused}, {left:.0f} s left"
        )


def _log(view: RollUp, written: Sequence[str], console: Console) -> None:
    """Log what was refused, the state of the services and the files."""
    for row in view.refused[:_SHOWN]:
        console.warning(f"{row.file}: refused: {row.problem}")
    if len(view.refused) > _SHOWN:
        console.warning(f"{plural(len(view.refused) - _SHOWN, 'more file')} refused: see coverage.csv")
    for path in written:
        console.log(path)
    shown = f"{len(view.unknown):,} unknown ({len(view.silent):,} silent), {len(view.broken):,} broken"
    console.log(f"{plural(len(view.services), 'service')} as of {iso(view.as_of)}: {shown}")
