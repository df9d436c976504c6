"""`reference`: how the training data lies, written to `reference.json` and, with a run, beside it in MLflow."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TextIO

from flowjoy.actions.core import Console, adopt_libraries
from flowjoy.analysis.drift import reference as reference_json
from flowjoy.analysis.drift.binning import MAX_CATEGORIES, distributions_of
from flowjoy.clients import mlflow_artifacts
from flowjoy.clients.transport import Budget, Transport
from flowjoy.config import address_parsers
from flowjoy.config.registry_address import is_unencrypted, variables_in
from flowjoy.config.settings import redactor
from flowjoy.domain.drift import CategoricalDistribution, Distribution
from flowjoy.errors import FlowJoyError, HarvestError, InputError
from flowjoy.report.text import clean, plural
from flowjoy.sources.sample_files import LAPTOP, read_sample

_FAILED = 2
_SECONDS = 60.0
_SHOWN = 20


def reference(environ: Mapping[str, str], argv: Sequence[str], stream: TextIO | None = None) -> int:
    """Describe one training sample. 0: written (and logged, where a run is named); 2: not done, the log says why."""
    parser = argparse.ArgumentParser(prog="python -m flowjoy reference", description=__doc__, allow_abbrev=False)
    parser.add_argument("sample", type=Path, help="training data, as the model sees it: CSV, or Parquet with pyarrow")
    parser.add_argument("--output", type=Path, default=Path("reference.json"), help="the file (default reference.json)")
    parser.add_argument("--run-id", help="training run in MLflow; logged there as flowjoy/reference.json")
    parser.add_argument("--mlflow-tracking-uri", default=environ.get("MLFLOW_TRACKING_URI", ""), metavar="URI")
    given = parser.parse_args(list(argv))
    console = Console(on_actions=False, stream=stream if stream is not None else sys.stdout)
    try:
        console.hide(redactor(environ))
        uri = _registry(given.mlflow_tracking_uri, environ) if given.run_id is not None else ""
        _refuse_to_lose(given.sample, given.output, given.run_id)
        with adopt_libraries(console, debug=False):
            _describe(given.sample, given.output, console)
            if given.run_id is not None:
                text = given.output.read_text(encoding="utf-8")
                mlflow_artifacts.store(uri, given.run_id, text, Transport(Budget(_SECONDS)))
                console.log(f"logged as {mlflow_artifacts.ARTIFACT} of run {given.run_id}")
    except HarvestError as problem:
        console.error(f"{problem}" + (f" ({problem.hint})" if problem.hint else ""))
    except FlowJoyError as problem:
        console.error(str(problem))
    except OSError as problem:
        console.error(f"{given.output} cannot be written ({problem.strerror})")
    else:
        return 0
    return _FAILED


def entry() -> int:
    """The command line's door."""
    return reference(os.environ, sys.argv[1:])


def _refuse_to_lose(sample: Path, output: Path, run_id: str | None) -> None:
    """What a slip would cost: the training data overwritten, or a reference that no run has."""
    if run_id is not None and not run_id.strip():
        raise InputError("--run-id: expected the id of a run, and it is empty: is its variable set?")
    if output.exists() and sample.exists() and output.samefile(sample):
        raise InputError("--output: expected another file than the sample, which would be overwritten")


def _describe(sample: Path, output: Path, console: Console) -> None:
    """Write the file, and say what is in it."""
    held = read_sample(sample, "the sample", LAPTOP)
    features = distributions_of(held.frame)
    raw = reference_json.to_json(features)
    if len(raw) > reference_json.LARGEST_BYTES:
        raise InputError("the reference would be too large: leave out columns of free text")
    output.write_bytes(raw)
    for note in held.notes:
        console.notice(note)
    console.log(f"{output}: {plural(len(features), 'feature')} of {len(held.frame):,} rows")
    for name, spread in list(features.items())[:_SHOWN]:
        console.log(f"  {clean(name, 60)}: {_kind(spread)}")
    if len(features) > _SHOWN:
        console.log(f"  … and {len(features) - _SHOWN} more")


def _kind(spread: Distribution) -> str:
    missing = f", {spread.missing:,} rows without" if spread.missing else ""
    if not isinstance(spread, CategoricalDistribution):
        return f"numbers in {plural(len(spread.counts), 'bin')}{missing}"
    if spread.other:
        return f"more than {MAX_CATEGORIES:,} categories{missing}: an id? Leave it out"
    return f"{len(spread.counts):,} categories{missing}"


def _registry(uri: str, environ: Mapping[str, str]) -> str:
    """The registry that the run is in. InputError for none, or one that credentials must not be sent to."""
    if not uri:
        raise InputError("--run-id needs --mlflow-tracking-uri, or the variable MLFLOW_TRACKING_URI")
    try:
        parsed = address_parsers.tracking_uri(uri)
    except ValueError as right:
        raise InputError(f"--mlflow-tracking-uri: expected {right}") from None
    if is_unencrypted(parsed) and variables_in(environ).credentials:
        raise InputError("--mlflow-tracking-uri: expected https, because http would send the credentials readable")
    return parsed
