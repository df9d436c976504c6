"""The obligations of one bundle: what its sources show, and what only the ledger remembers of them."""

from __future__ import annotations

import pandas as pd

from flowjoy.analysis import timeline
from flowjoy.analysis.promise import compliance, earlier_inputs
from flowjoy.analysis.promise.obligations import PromiseTerms, live_sha, obligations
from flowjoy.analysis.promise.verdict import unproved
from flowjoy.domain import ModelDependencies, Obligation
from flowjoy.domain.bundle import Bundle


def as_far_as_known(bundle: Bundle, events: pd.DataFrame, known: ModelDependencies) -> tuple[Obligation, ...]:
    """Return every obligation, oldest first, by what was read now and what ledgers remember.

    `events`: the timeline of the bundle. `known`: the dependencies and waivers of its commits.
    """
    owed = _obligations_of(bundle, events, known)
    if any(record.source_gone for records in (bundle.code, bundle.models) for record in records):
        confirmed, also_registered = (_confirmed(bundle, known, registered=registered) for registered in (False, True))
        confirmed = compliance.with_registered_ships(confirmed, also_registered, bundle.models_gone)
        owed = compliance.with_ledger(confirmed, owed)
    return earlier_inputs.with_owed_before(bundle, owed, events, known.waivers)


def proved(owed: tuple[Obligation, ...], bundle: Bundle) -> tuple[Obligation, ...]:
    """Return the obligations; all are unknown where a required source was not read."""
    unread = [item.source for item in unproved(bundle.coverage)]
    return compliance.all_unknown(owed, f"{'; '.join(unread)} could not be read") if unread else owed


def _confirmed(bundle: Bundle, known: ModelDependencies, *, registered: bool) -> tuple[Obligation, ...]:
    """Return the obligations from records that sources still show.

    `registered`: and from ships that only the ledger remembers, of versions that the registry still has.
    """
    code = [record for record in bundle.code if not record.source_gone]
    models = [record for record in bundle.models if not record.source_gone or (registered and record.borne_out)]
    events = timeline.timeline(code, models, service=bundle.service, until=bundle.generated_at)
    return _obligations_of(bundle, events, known)


def _obligations_of(bundle: Bundle, events: pd.DataFrame, known: ModelDependencies) -> tuple[Obligation, ...]:
    terms = PromiseTerms(
        sla_hours=bundle.terms.sla_hours,
        as_of=bundle.generated_at,
        since=bundle.terms.sla_since,
        every_version_stays_live=bundle.terms.model_signal == "registered",
    )
    owed = obligations(events, known, terms)
    unknown = frozenset(bundle.unknown_models)
    return compliance.with_unknown_models(owed, unknown, live_sha(events), bundle.first_trusted_at)
