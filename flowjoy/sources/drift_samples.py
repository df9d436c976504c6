"""The drift check: compares a sample of live data with a reference from a file or from MLflow.

It never changes the verdict. Of a sample only names of features, shares, a digest and a sketch leave this module.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from flowjoy.analysis.drift import reference as reference_json
from flowjoy.analysis.drift.binning import distributions_of
from flowjoy.analysis.drift.comparison import compare, status_of
from flowjoy.analysis.drift.history import row_fingerprint
from flowjoy.clients import mlflow_artifacts
from flowjoy.clients.mlflow_registry import Registry
from flowjoy.config.settings import Settings
from flowjoy.domain import ModelRecord
from flowjoy.domain.drift import Distribution, DriftCheck, DriftStatus
from flowjoy.errors import HarvestError
from flowjoy.sources.base import Clients, HarvestQuery
from flowjoy.sources.sample_files import STEP, read_bytes, read_sample


def read(
    query: HarvestQuery, access: Clients, ships: Sequence[ModelRecord], named: Collection[str]
) -> tuple[DriftCheck, int, tuple[str, ...]]:
    """Return the check, the number of features that it judged, and notes.

    `ships`: those of the models that this run knows; `named`: the models that settings and stubs name.

    Raise HarvestError when nothing can be compared.
    """
    settings = query.settings
    if settings.drift_live is None:
        raise HarvestError("a sample of live data is missing", hint="set drift-live")
    _refuse_unknown(settings, access, {*named, *(item.name for item in ships)})
    newest = _newest(ships, settings.drift_model, query)
    reference, origin, notes = _reference(settings, access, newest)
    live = read_sample(settings.drift_live, "drift-live", STEP)
    features = compare(
        reference, live.frame, threshold=settings.drift_threshold, min_samples=settings.drift_min_samples
    )
    judged = [item.name for item in features if item.kl_nats is not None]
    # Columns that were not compared are not kept, so an additional column does not make another sample.
    sample, sketch = row_fingerprint(live.frame[judged]) if judged else ("", "")
    check = DriftCheck(
        model=settings.drift_model or "",
        at=query.as_of,
        status=status_of(features),
        threshold=settings.drift_threshold,
        min_samples=settings.drift_min_samples,
        version=newest.version if newest is not None else None,
        features=features,
        sample=sample,
        sketch=sketch,
        reference=origin,
    )
    return check, len(check.judged), (*notes, *live.notes)


def unread(query: HarvestQuery, problem: str) -> DriftCheck:
    """Return a check that was asked for and failed."""
    settings = query.settings
    return DriftCheck(
        model=settings.drift_model or "",
        at=query.as_of,
        status=DriftStatus.ERROR,
        threshold=settings.drift_threshold,
        min_samples=settings.drift_min_samples,
        problem=problem,
    )


def _refuse_unknown(settings: Settings, access: Clients, known: Collection[str]) -> None:
    """Raise HarvestError for an unknown model: a typo would start a separate drift history and never alert."""
    model = settings.drift_model or ""
    if model in known:
        return
    if settings.mlflow_tracking_uri is not None:
        try:
            if Registry(settings.mlflow_tracking_uri, access.transport).shown_if_known(model) is not None:
                return
        except HarvestError:
            return  # a registry that does not answer does not say that the model is missing
    elif not known:
        return
    raise HarvestError(f"no model {model} is known: not in `models`, a stub or the registry", hint="check drift-model")


def _newest(ships: Iterable[ModelRecord], model: str | None, query: HarvestQuery) -> ModelRecord | None:
    """Return the latest ship of the model by as-of; None if none is known."""
    ours = (item for item in ships if item.name == model and item.shipped_at <= query.as_of and not item.source_gone)
    return max(ours, key=lambda item: (item.shipped_at, item.id), default=None)


def _reference(
    settings: Settings, access: Clients, newest: ModelRecord | None
) -> tuple[Mapping[str, Distribution], str, tuple[str, ...]]:
    """Return the distribution of each feature in training, its origin, and notes."""
    path = settings.drift_reference
    if path is None:
        return *_of_live_version(settings, access, newest), ()
    if path.suffix.lower() == ".json":
        raw = read_bytes(path, "drift-reference", reference_json.LARGEST_BYTES)
        return _parsed(raw, f"drift-reference {path.name}"), path.name, ()
    sample = read_sample(path, "drift-reference", STEP)
    return distributions_of(sample.frame), path.name, sample.notes


def _of_live_version(
    settings: Settings, access: Clients, newest: ModelRecord | None
) -> tuple[Mapping[str, Distribution], str]:
    model, give = settings.drift_model, "or give drift-reference"
    if settings.mlflow_tracking_uri is None:
        raise HarvestError("neither a reference nor a registry is named", hint="give drift-reference")
    if newest is None:
        hint = f"ship one, name the model in `models`, {give}"
        raise HarvestError(f"no live version of {model} is known, whose reference could be read", hint=hint)
    what = f"{model} v{newest.version}"
    if not newest.run_id:
        raise HarvestError(f"{what} does not name a training run", hint=f"register versions from their runs, {give}")
    raw = mlflow_artifacts.fetch(settings.mlflow_tracking_uri, newest.run_id, access.transport)
    return _parsed(raw, f"{mlflow_artifacts.ARTIFACT} of {what}"), f"{mlflow_artifacts.ARTIFACT} of {what}"


def _parsed(raw: bytes, what: str) -> Mapping[str, Distribution]:
    try:
        return reference_json.from_json(raw)
    except ValueError as problem:
        raise HarvestError(f"{what} is not a reference: {problem}", hint=mlflow_artifacts.MAKE) from None
