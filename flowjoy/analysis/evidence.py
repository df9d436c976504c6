"""What a bundle gives to reckon with: each analysis asked with the bundle's terms, and only of what was read.

Pure. Knows which source must have been read for which figure, and nothing of what is said about any.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import pandas as pd

from flowjoy.analysis import timeline
from flowjoy.analysis.flow import incidents as recovery
from flowjoy.analysis.flow import weeks as cadence
from flowjoy.analysis.flow.dora import Dora, dora
from flowjoy.analysis.flow.live_pairs import LivePair, pairs
from flowjoy.analysis.promise import compliance, obligations, verdict
from flowjoy.domain import (
    CoverageState,
    EventType,
    Kind,
    ModelDependencies,
    ModelRecord,
    Obligation,
    Precision,
    SourceKind,
    Week,
    Window,
)
from flowjoy.domain.bundle import Bundle


def judges_promise(bundle: Bundle) -> bool:
    """False on a fork's pull request: without secrets only its stub is judged, the promise on merge."""
    return any(item.required and item.kind is SourceKind.CODE for item in bundle.coverage)


def states(bundle: Bundle, kind: SourceKind) -> set[CoverageState]:
    """How the sources of one kind were read; empty where the bundle names none."""
    return {item.state for item in bundle.coverage if item.kind is kind}


def is_read(bundle: Bundle, kind: SourceKind) -> bool:
    """Whether nothing is missing of a source: else a count of it is no count."""
    return not states(bundle, kind) - {CoverageState.COMPLETE}


def obligations_of(events: pd.DataFrame, bundle: Bundle, dependence: ModelDependencies) -> tuple[Obligation, ...]:
    """Return what every release owes. What only the ledger knows makes none milder; a source unread: all unknown."""
    owed = _owed(events, bundle, dependence)
    if any(record.source_gone for record in bundle.code) or any(record.source_gone for record in bundle.models):
        shown, borne_out = (_confirmed(bundle, dependence, gone_too=too) for too in (False, True))
        owed = compliance.with_memory(compliance.with_borne_out(shown, borne_out, bundle.models_gone), owed)
    missing = verdict.unproved(bundle.coverage)
    if missing:
        owed = compliance.all_unknown(owed, "; ".join(item.source for item in missing) + " could not be read")
    return owed


def _confirmed(bundle: Bundle, dependence: ModelDependencies, *, gone_too: bool) -> tuple[Obligation, ...]:
    """Return the same of what the sources show; `gone_too`: also by versions that the registry bears out."""
    code = [record for record in bundle.code if not record.source_gone]
    models = [record for record in bundle.models if not record.source_gone or (gone_too and record.borne_out)]
    events = timeline.timeline(code, models, service=bundle.service, until=bundle.generated_at)
    return _owed(events, bundle, dependence)


def _owed(events: pd.DataFrame, bundle: Bundle, dependence: ModelDependencies) -> tuple[Obligation, ...]:
    terms = obligations.PromiseTerms(
        sla_hours=bundle.terms.sla_hours,
        as_of=bundle.generated_at,
        since=bundle.terms.sla_since,
        every_version_stays_live=bundle.terms.model_signal == "registered",
    )
    owed = obligations.obligations(events, dependence, terms)
    return compliance.without_a_registry(owed, frozenset(bundle.unknown_models))


def weeks_of(
    events: pd.DataFrame, matched: pd.DataFrame, dependence: ModelDependencies, bundle: Bundle
) -> tuple[Week, ...]:
    """The weeks of the window; a count of what was not read whole is no count."""
    weeks = week_table_of(events, matched, dependence, bundle, bundle.window)
    if not is_read(bundle, SourceKind.INCIDENTS):
        weeks = cadence.without_incidents(weeks)
    return cadence.with_unread(
        weeks, code_known=is_read(bundle, SourceKind.CODE), models_known=is_read(bundle, SourceKind.MODELS)
    )


def week_table_of(
    events: pd.DataFrame, matched: pd.DataFrame, dependence: ModelDependencies, bundle: Bundle, window: Window
) -> tuple[Week, ...]:
    """Return the weeks of `window` by the bundle's terms, as if everything was read."""
    return cadence.week_table(
        events,
        matched,
        window,
        divergence_percent=bundle.terms.divergence_percent,
        dependence=dependence,
        observed_since=observed_since(bundle),
    )


def observed_since(bundle: Bundle) -> dict[str, datetime] | None:
    """Return when the alias or stage of each model was first observed; None where ships need no observation."""
    signal = bundle.terms.model_signal
    if bundle.terms.model_source == "file" or not signal.startswith(("alias:", "stage:")):
        return None
    looks = sorted((look for look in bundle.observations if look.signal == signal), key=lambda look: look.at)
    return {look.model: look.at for look in reversed(looks)}


def incidents_of(events: pd.DataFrame, bundle: Bundle) -> pd.DataFrame:
    """The incidents, each with the deploy it is put down to, where every deploy that it could be was read."""
    incidents = timeline.incident_frame(bundle.incidents, until=bundle.generated_at)
    matched = recovery.match_incidents(incidents, events, match_hours=bundle.terms.incident_match_hours)
    return matched if _causes_are_known(bundle) else recovery.without_causes(matched)


def _causes_are_known(bundle: Bundle) -> bool:
    """False where code or models could not be read: the latest deploy before an incident may be one of those."""
    return CoverageState.FAILED not in states(bundle, SourceKind.CODE) | states(bundle, SourceKind.MODELS)


def pairs_of(
    events: pd.DataFrame, matched: pd.DataFrame, dependence: ModelDependencies, bundle: Bundle
) -> tuple[LivePair, ...]:
    """Which code was live with which models in the window, the last pair now."""
    return pairs(
        events,
        matched,
        dependence,
        service=bundle.service,
        since=bundle.window.since,
        newest_is_live=bundle.terms.model_signal == "registered",
    )


def untagged(lived: Sequence[LivePair], bundle: Bundle) -> str | None:
    """The unified tag of the live pair, where not one of its model versions says that it carries any."""
    now = lived[-1] if lived else None
    if now is None or now.tag is None:
        return None
    live = {(model.name, model.version) for model in now.models}
    tagged = any(record.unified_tag for record in bundle.models if (record.name, record.version) in live)
    return None if tagged else now.tag


def dora_of(events: pd.DataFrame, matched: pd.DataFrame, bundle: Bundle) -> tuple[Dora, ...]:
    """The DORA figures; those that need a source which was not read are None."""
    begun = {record.id: _begun(record, bundle) for record in bundle.models}
    incidents_are_read = states(bundle, SourceKind.INCIDENTS) == {CoverageState.COMPLETE}
    return dora(
        events,
        matched if incidents_are_read and _causes_are_known(bundle) else None,
        bundle.window,
        commits=bundle.commits,
        begun={name: instant for name, instant in begun.items() if instant is not None},
        known=[
            kind
            for kind, source in ((EventType.CODE, SourceKind.CODE), (EventType.MODEL, SourceKind.MODELS))
            if states(bundle, source) == {CoverageState.COMPLETE}
        ],
        observed_since=max(seen.values(), default=None) if (seen := observed_since(bundle)) is not None else None,
    )


def _begun(record: ModelRecord, bundle: Bundle) -> datetime | None:
    """When the way of a model version to its ship began: with its training, else with its registration.

    Not known of a run that could not be read, and of a version that may have been live before anybody looked. Where
    registering *is* shipping, the time between the two says nothing.
    """
    if record.maybe_live_before:
        return None
    if record.run_id is not None:
        return bundle.training_runs.get(record.run_id)
    return None if record.precision is Precision.REGISTERED else record.registered_at


def latest_deploy(events: pd.DataFrame) -> str | None:
    """The id of the latest deploy that happened."""
    deploys = events.loc[(events[timeline.KIND] == Kind.DEPLOY) & ~events[timeline.PROVISIONAL], timeline.ID]
    return None if deploys.empty else str(deploys.iloc[-1])
