"""`reference`: writes the distribution of the training data to `reference.json`, and attaches it to an MLflow run."""

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
from flowjoy.domain.plurals import grouped, plural
from flowjoy.errors import FlowJoyError, InputError
from flowjoy.report.escaping import clean
from flowjoy.sources.sample_files import LAPTOP, read_sample

_FAILED = 2
_SECONDS = 60.0
_SHOWN = 20


def reference(environ: Mapping[str, str], argv: Sequence[str], stream: TextIO | None = None) -> int:
    """Describe one training sample and return the exit code.

    0: the file is written, and logged if a run is named; 2: not done, the log says why.
    """
    parser = argparse.ArgumentParser(prog="python -m flowjoy reference", description=__doc__, allow_abbrev=False)
    parser.add_argument("sample", type=Path, help="training data, as the model sees it: CSV, or Parquet with pyarrow")
    parser.add_argument("--output", type=Path, default=Path("reference.json"), help="the file (default reference.json)")
    parser.add_argument("--run-id", help="training run in MLflow; logged there as flowjoy/reference.json")
    parser.add_argument("--mlflow-tracking-uri", default=environ.get("MLFLOW_TRACKING_URI", ""), metavar="URI")
    arguments = parser.parse_args(list(argv))
    console = Console(on_actions=False, stream=stream)
    try:
        console.hide(redactor(environ))
        uri = _registry(arguments.mlflow_tracking_uri, environ) if arguments.run_id is not None else ""
        _refuse_loss(arguments.sample, arguments.output, arguments.run_id)
        with adopt_libraries(console, debug=False):
            _describe(arguments.sample, arguments.output, console)
            if arguments.run_id is not None:
                text = arguments.output.read_text(encoding="utf-8")
                mlflow_artifacts.store(uri, arguments.run_id, text, Transport(Budget(_SECONDS)))
                console.log(f"logged as {mlflow_artifacts.ARTIFACT} of run {arguments.run_id}")
    except FlowJoyError as problem:
        console.error(problem.advised)
    except OSError as problem:
        console.error(f"{arguments.output} cannot be written ({problem.strerror})")
    else:
        return 0
    return _FAILED


def entry() -> int:
    """Run with the real environment: the entry point of the command line."""
    return reference(os.environ, sys.argv[1:])


def _refuse_loss(sample: Path, output: Path, run_id: str | None) -> None:
    """Raise InputError where the training data would be overwritten, or the reference attached to no run."""
    if run_id is not None and not run_id.strip():
        raise InputError("--run-id: expected the id of a run, but it is empty. Check that its variable is set")
    if output.exists() and sample.exists() and output.samefile(sample):
        raise InputError("--output: expected another file than the sample, which would be overwritten")


def _describe(sample: Path, output: Path, console: Console) -> None:
    """Write the file, and log its contents."""
    sample_data = read_sample(sample, "the sample", LAPTOP)
    features = distributions_of(sample_data.frame)
    raw = reference_json.to_json(features)
    if len(raw) > reference_json.LARGEST_BYTES:
        raise InputError("reference: too large. Leave out columns of free text")
    output.write_bytes(raw)
    for note in sample_data.notes:
        console.notice(note)
    console.log(f"{output}: {plural(len(features), 'feature')} of {grouped(len(sample_data.frame), 'row')}")
    for name, distribution in list(features.items())[:_SHOWN]:
        console.log(f"  {clean(name, 60)}: {_summary(distribution)}")
    if len(features) > _SHOWN:
        console.log(f"  … and {len(features) - _SHOWN} more")


def _summary(distribution: Distribution) -> str:
    missing = f", {grouped(distribution.missing, 'row')} without a value" if distribution.missing else ""
    if not isinstance(distribution, CategoricalDistribution):
        return f"numbers in {plural(len(distribution.counts), 'bin')}{missing}"
    if distribution.other:
        return f"more than {MAX_CATEGORIES:,} categories{missing}. Leave the column out if it is an id"
    return f"{grouped(len(distribution.counts), 'category', 'categories')}{missing}"


def _registry(uri: str, environ: Mapping[str, str]) -> str:
    """Return the registry of the run. Raise InputError without one, or where credentials must not be sent to it."""
    if not uri:
        raise InputError("--run-id: expected --mlflow-tracking-uri beside it, or the variable MLFLOW_TRACKING_URI")
    try:
        parsed = address_parsers.tracking_uri(uri)
    except ValueError as expected:
        raise InputError(f"--mlflow-tracking-uri: expected {expected}") from None
    if is_unencrypted(parsed) and variables_in(environ).credentials:
        raise InputError("--mlflow-tracking-uri: expected https, because http would send the credentials unencrypted")
    return parsed
