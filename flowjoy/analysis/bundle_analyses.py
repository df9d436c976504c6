"""Each analysis of one bundle, with the bundle's run parameters and only over sources that were read."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from functools import cached_property

import pandas as pd

from flowjoy.analysis import event_columns, source_coverage, timeline
from flowjoy.analysis.alerts.alert import AlertInputs
from flowjoy.analysis.drift import history
from flowjoy.analysis.flow import (
    advice,
    dora,
    drift_lag,
    incidents,
    live_pairs,
    observed_failures,
    retrospective,
    weeks,
)
from flowjoy.analysis.flow.advice import Advice
from flowjoy.analysis.flow.divergence_and_spikes import Spike, spikes_of, with_unread
from flowjoy.analysis.flow.dora import ChangeStarts, Dora
from flowjoy.analysis.flow.drift_lag import DriftLag
from flowjoy.analysis.flow.live_pairs import LivePair
from flowjoy.analysis.flow.observed_failures import ObservedFailure
from flowjoy.analysis.flow.retrospective import Retrospective
from flowjoy.analysis.promise import bundle_obligations, compliance, dependencies, obligations, verdict
from flowjoy.domain import EventType, ModelDependencies, Obligation, Recovery, SourceKind, Status, Verdict, Week, Window
from flowjoy.domain.bundle import Bundle
from flowjoy.domain.drift import DriftCheck

HISTORY_WEEKS = 56
"""The 400 days of code history that are read, in whole weeks."""


class BundleAnalyses:
    """The analyses of one bundle. Each is computed once, when it is first needed."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle, self._terms, self._as_of = bundle, bundle.terms, bundle.generated_at

    @cached_property
    def events(self) -> pd.DataFrame:
        """The timeline of code and models."""
        bundle = self._bundle
        return timeline.timeline(bundle.code, bundle.models, service=bundle.service, until=self._as_of)

    @cached_property
    def as_far_as_known(self) -> tuple[Obligation, ...]:
        """Every obligation by what was read or is remembered, which proves nothing where a source was not read."""
        return bundle_obligations.as_far_as_known(self._bundle, self.events, self._dependencies)

    @cached_property
    def obligations(self) -> tuple[Obligation, ...]:
        """Every obligation, oldest first; all are unknown where a required source was not read."""
        return bundle_obligations.proved(self.as_far_as_known, self._bundle)

    @cached_property
    def scope(self) -> tuple[Obligation, ...]:
        """The obligations of the window, and every open one."""
        return compliance.in_scope(self.obligations, self._bundle.window.since, self._as_of)

    @cached_property
    def verdict(self) -> Verdict:
        """The verdict on the promise."""
        return verdict.decide(self._bundle.coverage, self.scope, enforce=self._terms.enforce)

    @cached_property
    def sla_status(self) -> str:
        """The promise in one word: its worst open status, or why nothing is promised."""
        if not source_coverage.judges_promise(self._bundle):
            return Status.UNKNOWN.value
        live = (obligations.live_sha(self.events) or self._deployed[-1]) if self._deployed else None
        return verdict.sla_status(self.verdict, self._dependencies, self.scope, live)

    @cached_property
    def commits_without_models(self) -> tuple[str, ...]:
        """The commits deployed in the window for which nothing is promised, newest first.

        Their stubs name no model, or they have no stub while other commits have one.
        """
        known = self._dependencies
        return tuple(
            sha
            for sha in reversed(self._deployed)
            if not known.named(sha) and sha not in known.unreadable and (known.declared or sha in known.by_sha)
        )

    @cached_property
    def incidents(self) -> pd.DataFrame:
        """The incidents, each with its cause where all code and models were read."""
        frame = timeline.incident_frame(self._bundle.incidents, until=self._as_of)
        matched = incidents.match_incidents(frame, self.events, match_hours=self._terms.incident_match_hours)
        return matched if source_coverage.causes_are_known(self._bundle) else incidents.without_causes(matched)

    @cached_property
    def weeks(self) -> tuple[Week, ...]:
        """The weeks of the window. A count from an incomplete source is unknown."""
        return self.weeks_of(self._bundle.window)

    def weeks_of(self, window: Window) -> tuple[Week, ...]:
        """Return the weeks of any window that ends when the bundle was written. A count that is not known is None."""
        table = self._week_table(window)
        if not source_coverage.is_read(self._bundle, SourceKind.INCIDENTS):
            table = weeks.without_incidents(table)
        kinds = (SourceKind.CODE, SourceKind.MODELS)
        code_known, models_known = (source_coverage.is_read(self._bundle, kind) for kind in kinds)
        return with_unread(table, code_known=code_known, models_known=models_known)

    @cached_property
    def history(self) -> Window:
        """The window of everything that is remembered."""
        return weeks.window_of(self._as_of, weeks=HISTORY_WEEKS, timezone=self._bundle.window.timezone)

    @cached_property
    def spikes(self) -> tuple[Spike, ...]:
        """The weeks whose MTTR spikes."""
        return spikes_of(self.weeks, factor=self._terms.mttr_spike_factor)

    @cached_property
    def recoveries(self) -> tuple[Recovery, ...]:
        """Recovery times by cause; empty where incidents were not read completely."""
        is_known = source_coverage.is_read(self._bundle, SourceKind.INCIDENTS)
        return incidents.recoveries(self.incidents, since=self._bundle.window.since) if is_known else ()

    @cached_property
    def drift_lag(self) -> DriftLag | None:
        """The lag of models behind code; None where a required source was not read."""
        if self._unread:
            return None
        deploys = timeline.deploys(timeline.without_provisional(self.events))
        latest = None if deploys.empty else str(deploys[event_columns.ID].iloc[-1])
        return drift_lag.drift_lag(self.obligations, latest, since=self._bundle.window.since, as_of=self._as_of)

    @cached_property
    def dora(self) -> tuple[Dora, ...]:
        """The DORA figures of code, models and both; a figure that needs an unread source is None."""
        sources = ((EventType.CODE, SourceKind.CODE), (EventType.MODEL, SourceKind.MODELS))
        known = [kind for kind, source in sources if source_coverage.is_complete(self._bundle, source)]
        figures = dora.dora(
            self.events,
            self.incidents if source_coverage.failures_are_known(self._bundle) else None,
            self._bundle.window,
            starts=ChangeStarts.of(self._bundle.commits, self._bundle.models, self._bundle.training_runs),
            known=known,
            observed_since=max((self._observed_since or {}).values(), default=None),
        )
        shown = source_coverage.shows_failures(self._bundle)
        return observed_failures.with_observed(figures, self.events, self.failures, self._bundle.window, known=shown)

    @cached_property
    def failures(self) -> tuple[ObservedFailure, ...]:
        """The deploys that something other than an incident shows to have failed."""
        return observed_failures.observed_failures(self.events, self._bundle.corrections)

    @cached_property
    def pairs(self) -> tuple[LivePair, ...]:
        """The pairs of code and models that were live in the window; empty where a required source was not read."""
        if self._unread:
            return ()
        return live_pairs.live_pairs(
            self.events,
            self.incidents,
            self._dependencies,
            service=self._bundle.service,
            since=self._bundle.window.since,
            newest_is_live=self._terms.model_signal == "registered",
        )

    @cached_property
    def advice(self) -> tuple[Advice, ...]:
        """The recommendations."""
        return advice.advise(
            self.weeks,
            self.recoveries,
            drift_is_checked=self._bundle.drift is not None,
            untagged=live_pairs.untagged(self.pairs, self._bundle.models),
            divergence_percent=self._terms.divergence_percent,
        )

    @cached_property
    def retrospective(self) -> Retrospective:
        """The retrospective of the window."""
        unread = {"tag": bool(self._unread), "drift": not self.recoveries}
        return retrospective.retrospective(
            self.weeks,
            self.obligations,
            self.advice,
            self._bundle.actions,
            window=replace(self._bundle.window, until=self._as_of),
            unread=[key for key, unknown in unread.items() if unknown],
        )

    @cached_property
    def drift(self) -> tuple[DriftCheck | None, bool]:
        """The drift check of this run (None without one), and whether the model has recovered from drift."""
        return history.trend(self._bundle.drift, self._bundle.drift_marks)

    @cached_property
    def alert_inputs(self) -> AlertInputs:
        """The values that alerts are derived from."""
        bundle, (drift, has_recovered) = self._bundle, self.drift
        return AlertInputs(
            obligations=self.obligations,
            # An alert on consecutive diverging weeks is named by the first of them, however short the window.
            history=self._week_table(self.history),
            weeks=self.weeks,
            spikes=self.spikes,
            promise_is_known=source_coverage.judges_promise(bundle) and not self._unread,
            cadence_is_known=source_coverage.is_complete(bundle, SourceKind.CODE)
            and source_coverage.is_complete(bundle, SourceKind.MODELS),
            incidents_are_known=source_coverage.is_complete(bundle, SourceKind.INCIDENTS),
            drift=drift,
            drift_is_healed=has_recovered,
        )

    @cached_property
    def _dependencies(self) -> ModelDependencies:
        terms, bundle = self._terms, self._bundle
        return dependencies.dependencies_of(terms.models, bundle.stubs, terms.model_stub, bundle.waivers)

    @cached_property
    def _unread(self) -> tuple[str, ...]:
        """The required sources that were not read completely."""
        return tuple(item.source for item in verdict.unproved(self._bundle.coverage))

    @cached_property
    def _deployed(self) -> list[str]:
        """The commit of each deploy of the window, oldest first; an empty text where it is unknown."""
        deploys = timeline.deploys(self.events)
        shas = deploys.loc[deploys[event_columns.TS] >= pd.Timestamp(self._bundle.window.since), event_columns.SHA]
        return [sha if isinstance(sha, str) else "" for sha in shas]

    @cached_property
    def _observed_since(self) -> dict[str, datetime] | None:
        return source_coverage.observed_since(self._bundle)

    def _week_table(self, window: Window) -> tuple[Week, ...]:
        """Return the weeks of `window` as if every source was read."""
        return weeks.week_table(
            self.events,
            self.incidents,
            window,
            divergence_percent=self._terms.divergence_percent,
            dependencies=self._dependencies,
            observed_since=self._observed_since,
        )
