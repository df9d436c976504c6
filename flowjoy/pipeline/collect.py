"""Reads every source within the time budget: incidents in parallel to the others, which depend on each other.

The coverage names the sources that failed; a failed source never reads as an empty one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from flowjoy.actions.event import RunEvent
from flowjoy.analysis.promise import compliance, refused_inputs, workflow_edits
from flowjoy.analysis.promise.dependencies import named_models, required_models
from flowjoy.clients.parallel import side_by_side
from flowjoy.domain import CoverageState, Proposal
from flowjoy.domain.bundle import RunParameters
from flowjoy.pipeline import incremental, optional_data, proposal_terms, recalled_ledgers
from flowjoy.pipeline import proposal as proposals
from flowjoy.pipeline.collect_steps import CollectSteps, may_be_own_proposal
from flowjoy.pipeline.collected import Collected, if_configured, records_of
from flowjoy.pipeline.own_commit import would_go_live
from flowjoy.pipeline.proposal_terms import Applied
from flowjoy.pipeline.run_parameters import BaseParameters, of_base_workflows
from flowjoy.pipeline.step import CollectStep, StepResult
from flowjoy.sources import CODE_SOURCES, INCIDENT_SOURCES, MODEL_SOURCES
from flowjoy.sources.base import Clients, HarvestQuery, Record, Source, SourceResult

_GRACE_SECONDS = 1.0


def collect(query: HarvestQuery, access: Clients, trigger: RunEvent, terms: RunParameters) -> Collected:
    """Read everything that this run needs. Never raise; a source that does not answer in time has failed."""
    plan = _Collection(query, access, trigger, terms)
    threads = [threading.Thread(target=work, daemon=True) for work in (plan.read_chain, plan.read_incidents)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(access.transport.budget.left() + _GRACE_SECONDS)
    return plan.collected()


class _Collection:
    """The order of one run's steps, and what each needs of those before it."""

    def __init__(self, query: HarvestQuery, access: Clients, trigger: RunEvent, terms: RunParameters) -> None:
        settings = query.settings
        self._query, self._access, self._trigger, self._terms = query, access, trigger, terms
        self._applied = proposal_terms.own(settings)
        self._own_commit: Proposal | None = None
        self._named: frozenset[str] = frozenset()  # models that settings and stubs name
        self._code_source = CODE_SOURCES[settings.code_source]
        self._model_source = MODEL_SOURCES[settings.model_source]
        self._steps = CollectSteps(query, access, trigger, terms)

    def read_chain(self) -> None:
        """Read the ledger, code and pull request, then stubs, then models: each step names what the next one reads.

        Lead times come last, so that the verdict does not wait for them.
        """
        steps, access = self._steps, self._access
        if steps.ledger.planned:
            steps.ledger.read(partial(recalled_ledgers.recalled, self._query, access, self._terms), access)
        if steps.proposal.planned:
            self._read_proposal()
        if not self._trigger.fork:
            asked = partial(
                incremental.code, self._query, access, self._code_source, steps.ledger.value, self._trigger.sha
            )
            steps.code.read(asked, access)
        self._own_commit = self._own_proposal()
        self._read_stubs()
        if not self._trigger.fork:
            self._read_models()
        self._read_extras()

    def _read_proposal(self) -> None:
        """Read what asks to go live, and the terms by which it is judged: of ledgers, and of the base's workflows."""
        steps = self._steps
        settings, trusted = self._query.settings, steps.ledger.value.terms
        self._apply(proposal_terms.stricter(settings, self._terms, trusted))
        steps.proposal.read(partial(proposals.read, self._query, self._access, self._trigger), self._access)
        proposal = steps.proposal.value
        if proposal is not None and proposal.base_sha is None and not self._trigger.proposes:
            self._apply(proposal_terms.own(settings))  # the commit lies on the default branch
            return
        own_workflow = self._trigger.brings_its_workflow
        if own_workflow and steps.ledger.planned and not trusted:
            steps.other_terms.read(partial(recalled_ledgers.other_terms, self._query, self._access), self._access)
        edited = own_workflow and workflow_edits.may_change_inputs(proposal)
        ledger = trusted
        trusted, base = trusted or steps.other_terms.value, BaseParameters()
        if edited:
            query = self._query
            base = of_base_workflows(proposal, settings, query.repository, query.default_branch, ledger=bool(trusted))
        adopts = proposal is not None and not workflow_edits.base_runs_flowjoy(proposal)
        applied = proposal_terms.stricter(settings, self._terms, trusted, base=base.steps, edited=edited, adopts=adopts)
        refused: tuple[str, ...] = ()
        if edited:
            refused = refused_inputs.refused_check(self._terms, ledger, base.check_names, service=settings.service)
        notes = () if trusted else base.notes
        if applied.messages and base.locations:
            notes = (*notes, f"the default branch's terms are also read from {', '.join(base.locations)}")
        self._apply(replace(applied, messages=(*applied.messages, *notes), refused=(*applied.refused, *refused)))

    def _read_stubs(self) -> None:
        """Read the stubs; those of a proposal also at every other path that decides about it."""
        steps = self._steps
        settings, access, proposal = self._query.settings, self._access, self._asks
        if not steps.stubs.planned:
            return
        if not (settings.reads_github or proposal is not None):
            steps.stubs.skip(required=self._trigger.proposes)
            return
        known = (steps.code.value, proposal, steps.memory)
        steps.stubs.read(partial(incremental.stubs, self._query, access, *known), access)
        if proposal is not None and self._applied.other_stubs:
            asked = (access, self._applied.other_stubs, proposal)
            steps.other_stubs.read(partial(incremental.other_stubs, *asked), access)

    def _apply(self, applied: Applied) -> None:
        """Read everything from here on by these settings."""
        self._applied = applied
        self._query = replace(self._query, settings=applied.settings)

    @property
    def _asks(self) -> Proposal | None:
        """The code that asks to go live."""
        return self._steps.proposal.value if self._trigger.proposes else self._own_commit

    def _own_proposal(self) -> Proposal | None:
        """Return the run's own commit if it would go live anew; None also where that is unknown."""
        steps = self._steps
        sha = self._trigger.sha
        if self._trigger.proposes or sha is None or steps.code.value is None:
            return None
        goes_live = would_go_live(sha, steps.deploys, steps.code.value.own)
        is_unjudged = not (goes_live and may_be_own_proposal(self._query, self._access, self._trigger))
        if is_unjudged and not self._applied.refused:
            steps.proposal.skip(required=False)
            return None
        return steps.proposal.value if steps.proposal.planned else Proposal(head_sha=sha)

    def _read_extras(self) -> None:
        """Read the data that no verdict depends on, side by side: none of it waits for another.

        Lead times need the deployments and ships that they belong to.
        """
        steps = self._steps
        query, access, memory, models = self._query, self._access, steps.memory, steps.models.value
        ships = models.records if models is not None else ()
        extras: list[tuple[CollectStep[Any], Callable[[], StepResult[Any]], bool]] = [
            (steps.drift, partial(optional_data.drift, query, access, ships, self._named), True),
            (steps.inventory, partial(optional_data.inventory, query, access, memory.inventory), True),
            (
                steps.commits,
                partial(optional_data.commits, query, access, steps.deploys, memory.commits),
                steps.code.value is not None,
            ),
            (
                steps.training,
                partial(optional_data.training, query, access, ships, memory.training_runs),
                models is not None,
            ),
        ]
        for step, _, is_possible in extras:
            if not is_possible:
                step.skip()
        possible = [(step, work) for step, work, is_possible in extras if step.planned and is_possible]
        side_by_side(lambda extra: extra[0].read(extra[1], access), possible)

    def read_incidents(self) -> None:
        """Read every incident source, one after the other."""
        for name, step in self._steps.incidents.items():
            step.read(partial(_counted, INCIDENT_SOURCES[name], self._query, self._access), self._access)

    def collected(self) -> Collected:
        """Return what was read so far. Each step is looked at once: a source that answers too late must not count."""
        steps = self._steps
        recalled, ledger_coverage = steps.ledger.outcome
        if recalled.is_hidden:
            ledger_coverage = replace(
                ledger_coverage,
                state=CoverageState.FAILED,
                required=True,
                reason="a newer FlowJoy wrote every ledger that could be read",
                hint="update the action to the version that wrote them",
            )
        models = steps.models.outcome
        proposal, other_stubs = steps.proposal.outcome, steps.other_stubs.outcome
        coverage = [ledger_coverage, models[1], *if_configured(other_stubs[1], steps.other_terms.outcome[1])]
        coverage += [proposal[1]] if self._trigger.proposes else if_configured(proposal[1])
        return Collected(
            applied=self._applied,
            records=records_of(steps, self._query, recalled.memory, models[0], coverage),
            versions=models[0].versions if models[0] else None,
            unknown_models=models[0].unknown if models[0] else {},
            proposal=proposal[0] if self._trigger.proposes else self._own_commit,
            other_stubs=other_stubs[0],
            asked_registry=not self._trigger.fork,
            may_remember=not recalled.newer,
            confirmed=recalled.complete and ledger_coverage.state is not CoverageState.FAILED,
        )

    def _read_models(self) -> None:
        steps = self._steps
        settings = self._query.settings
        must, may = required_models(
            settings.models,
            steps.deploys,
            steps.stubs.value,
            self._asks,
            since=compliance.judged_since(self._query.as_of, settings.sla_hours),
        )
        elsewhere = {model for at_path in steps.other_stubs.value.values() for model in named_models(at_path)}
        before = {item.model for item in steps.memory.owed_before.values()}
        may = tuple(sorted({*may, *elsewhere, *before} - {*must}))
        self._named = frozenset((*must, *may))
        query = replace(self._query, models=must, candidates=may, observations=steps.memory.observations)
        if must or may or query.settings.model_source == "file":
            stubs = {**steps.memory.stubs, **steps.stubs.value}
            known = (self._model_source, replace(steps.memory, code=tuple(steps.deploys), stubs=stubs), self._terms)
            steps.models.read(partial(incremental.models, query, self._access, *known), self._access)
        else:
            steps.models.skip(required=False)


def _counted(source: Source[Record], query: HarvestQuery, access: Clients) -> StepResult[tuple[Record, ...]]:
    parsed: SourceResult[Record] = source.parse(source.fetch(query, access), query)
    return parsed.records, len(parsed.records), parsed.notes
