"""The gate of one run, put together from what was harvested: sides, policy, waivers, and what an edit changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from flowjoy import workflow
from flowjoy.analysis import dependency, verdict
from flowjoy.analysis.dependency import Gate, GateFinding, Level, Side
from flowjoy.analysis.promise import LONGEST_WAIVER
from flowjoy.dependence import head_waivers, side_of
from flowjoy.findings import Findings, with_gate
from flowjoy.harvest import Harvest
from flowjoy.model import Proposal, Waiver, WorkflowFile


def judged(findings: Findings, harvested: Harvest) -> Findings:
    """Return the findings with the gate, where code asks to go live and all that the gate needs was read."""
    proposal = harvested.proposal
    if proposal is None or not _is_decidable(findings):
        return findings
    return with_gate(findings, _gate(proposal, harvested, findings))


def _is_decidable(findings: Findings) -> bool:
    """Whether all that the gate looks at was read; the code timeline is only for its forecast."""
    missing = verdict.unproved(findings.bundle.coverage)
    return all(item.source.startswith("code") for item in missing)


def _gate(proposal: Proposal, harvested: Harvest, findings: Findings) -> Gate:
    applied = harvested.applied
    settings, stubs = applied.settings, harvested.stubs
    base, head = Side(), side_of(harvested.head_stubs, proposal.head_sha, applied.own_stub, settings.models)
    if proposal.base_sha is not None:
        base = side_of(stubs, proposal.base_sha, settings.model_stub, settings.models)
    policy = dependency.Policy(
        stub_path=applied.own_stub,
        flag_labels=applied.flag_labels,
        flag_paths=settings.flag_paths,
        validated_tag=settings.model_validated_tag,
    )
    evidence = dependency.Evidence(
        versions=harvested.versions or () if harvested.asked_registry else None,
        unknown_models=harvested.unknown_models,
        waivers=holding(head_waivers(stubs, settings.model_stub), findings.bundle.generated_at),
    )
    gate = dependency.judge(proposal, base=base, head=head, policy=policy, evidence=evidence)
    runs = any(item.sha == proposal.head_sha for item in findings.obligations)
    ahead = dependency.forecast(
        head.requirements,
        evidence.versions or (),
        findings.obligations,
        settings.sla_hours,
        act="merging" if proposal.is_merge else "going live",
    )
    notices = [GateFinding(level=Level.NOTICE, text=text) for text in (*applied.said, *_edits(proposal))]
    return replace(
        gate,
        findings=(*gate.findings, *notices),
        forecast=() if runs else ahead,
        compared=applied.compared,
    )


def holding(waivers: tuple[Waiver, ...], now: datetime) -> tuple[Waiver, ...]:
    """Return the waivers that can override a gate now."""
    return tuple(waiver for waiver in waivers if now <= waiver.until <= now + LONGEST_WAIVER)


def _edits(proposal: Proposal) -> list[str]:
    """A sentence for each changed workflow file that runs FlowJoy."""
    said = []
    left = workflow.MOST_CHARACTERS
    for file in proposal.workflows:
        left -= len(file.before.text or "") + len(file.after.text or "")
        text = _edit(file) if left >= 0 else f"{file.path} and what else changes is too much to compare. Review it"
        said += [text] if text is not None else []
        if left < 0:
            break
    if proposal.workflows_unread:
        said.append(f"{proposal.workflows_unread} more workflow files change and were not compared. Review them")
    return said


def _edit(file: WorkflowFile) -> str | None:
    """What the edit of one file changes; None for a file that runs FlowJoy on neither side."""
    unread = next((side.problem for side in (file.before, file.after) if side.problem is not None), None)
    if unread is not None:
        return f"{file.path}: the change could not be compared ({unread}). Review how it runs FlowJoy"
    before, after = file.before.text, file.after.text
    if not (workflow.mentions(before) or workflow.mentions(after)):
        return None
    try:
        changes = workflow.changes(before, after)
    except workflow.WorkflowError as problem:
        return f"{file.path}: the change could not be compared, because {problem}. Review how it runs FlowJoy"
    if not changes:
        return f"{file.path} runs FlowJoy and is changed; none of FlowJoy's inputs changes"
    shown = "; ".join(changes[: workflow.SHOWN_CHANGES])
    more = len(changes) - workflow.SHOWN_CHANGES
    return f"{file.path} changes how FlowJoy runs: {shown}" + (f"; and {more} more" if more > 0 else "")
