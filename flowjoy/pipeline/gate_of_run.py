"""Builds the merge gate of one run from its records: both stubs, policy, waivers, and edits of workflows."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from flowjoy.analysis.promise import merge_gate, verdict, workflow_edits
from flowjoy.analysis.promise.dependencies import branch_stub, head_waivers
from flowjoy.analysis.promise.forecast import forecast, state_of, waiting_ships
from flowjoy.analysis.promise.merge_gate import BranchStub, GateInputs, GatePolicy
from flowjoy.analysis.promise.waivers import is_void, with_first_seen
from flowjoy.analysis.results import Results, with_gate
from flowjoy.domain import Proposal, SourceKind, Waiver
from flowjoy.domain.gate_findings import GateFinding, GateLevel, MergeGate
from flowjoy.pipeline.collected import Collected


def judged(results: Results, harvested: Collected) -> Results:
    """Return the results with the gate if code asks to go live and everything that the gate needs was read."""
    proposal = harvested.proposal
    if proposal is None or not _is_decidable(results):
        return results
    return with_gate(results, _gate(proposal, harvested, results))


def _is_decidable(results: Results) -> bool:
    """Return whether everything that the gate judges was read; the code timeline is only for its forecast."""
    missing = verdict.unproved(results.bundle.coverage)
    return all(item.kind is SourceKind.CODE for item in missing)


def _gate(proposal: Proposal, harvested: Collected, results: Results) -> MergeGate:
    applied = harvested.applied
    settings, stubs = applied.settings, harvested.records.stubs
    policy = GatePolicy(
        stub_path=settings.model_stub,
        flag_labels=applied.flag_labels,
        flag_paths=settings.flag_paths,
        validated_tag=settings.model_validated_tag,
    )
    inputs = GateInputs(
        versions=harvested.versions or () if harvested.asked_registry else None,
        unknown_models=harvested.unknown_models,
        waivers=holding(with_first_seen(head_waivers(stubs), results.bundle.waivers), results.bundle.generated_at),
        own_waivers=holding(head_waivers(stubs, proposal.head_sha), results.bundle.generated_at),
    )
    gate = _against_base(proposal, harvested, policy, inputs)
    runs = any(item.sha == proposal.head_sha for item in results.obligations)
    required = _head(proposal, harvested, applied.own_stub).requirements
    ahead = forecast(
        required,
        inputs.versions or (),
        results.obligations,
        settings.sla_hours,
        act="merging" if proposal.is_merge else "going live",
        waiting=waiting_ships(results.events, results.bundle.generated_at, settings.sla_hours),
    )
    elsewhere = [_at(path, proposal, harvested, policy, inputs) for path in applied.other_stubs]
    elsewhere += [_of_other(one, proposal, harvested, policy, inputs) for one in proposal.others]
    notices = [
        GateFinding(level=GateLevel.NOTICE, text=text)
        for text in (*applied.messages, *workflow_edits.sentences(proposal))
    ]
    refused = [GateFinding(level=GateLevel.FAILURE, text=text) for text in applied.refused]
    every: dict[str, GateFinding] = {}
    for finding in (*refused, *gate.findings, *(finding for at_path in elsewhere for finding in at_path), *notices):
        every.setdefault(finding.text, finding)
    findings = tuple(every.values())
    state = state_of(required, inputs.versions)
    return replace(gate, findings=findings, state=state, forecast=() if runs else ahead, compared=applied.compared)


def _against_base(proposal: Proposal, harvested: Collected, policy: GatePolicy, inputs: GateInputs) -> MergeGate:
    """Judge the stubs at `model-stub`, of one head and one base."""
    settings, base = harvested.applied.settings, BranchStub()
    if proposal.base_sha is not None:
        base = branch_stub(harvested.records.stubs, proposal.base_sha, settings.model_stub, settings.models)
    head = _head(proposal, harvested, settings.model_stub)
    return merge_gate.judge(proposal, base=base, head=head, policy=policy, inputs=inputs)


def _of_other(
    other: Proposal, proposal: Proposal, harvested: Collected, policy: GatePolicy, inputs: GateInputs
) -> list[GateFinding]:
    """Judge the same head against another base; name the pull request if it is another one."""
    findings = [*_against_base(other, harvested, policy, inputs).findings]
    for path in harvested.applied.other_stubs:
        findings += _at(path, other, harvested, policy, inputs)
    if other.number == proposal.number:
        return findings
    return [replace(finding, text=f"pull request #{other.number}: {finding.text}") for finding in findings]


def _head(proposal: Proposal, harvested: Collected, path: str) -> BranchStub:
    """Return the stub of the head at one path; the input `models` applies if the own inputs name that path."""
    applied = harvested.applied
    stubs = harvested.other_stubs.get(path, {}) if path in applied.other_stubs else harvested.records.stubs
    models = applied.settings.models if path == applied.own_stub else ()
    return branch_stub(stubs, proposal.head_sha, path, models)


def _at(
    path: str, proposal: Proposal, harvested: Collected, policy: GatePolicy, inputs: GateInputs
) -> list[GateFinding]:
    """Judge the stubs at one more path. Findings lose their line: annotations belong to the file at `model-stub`."""
    base = branch_stub(harvested.other_stubs.get(path, {}), proposal.base_sha or "", path, ())
    policy = replace(policy, stub_path=path, flag_labels=(), flag_paths=())
    gate = merge_gate.judge(proposal, base=base, head=_head(proposal, harvested, path), policy=policy, inputs=inputs)
    return [replace(finding, line=None) for finding in gate.findings]


def holding(waivers: tuple[Waiver, ...], now: datetime) -> tuple[Waiver, ...]:
    """Return the waivers that can override a gate now."""
    return tuple(waiver for waiver in waivers if now <= waiver.until and not is_void(waiver, now))
