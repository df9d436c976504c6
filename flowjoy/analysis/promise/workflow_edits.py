"""The changes that a proposal's edits of workflow files make to how FlowJoy runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from flowjoy.analysis.promise import workflow_file
from flowjoy.analysis.promise.workflow_file import TermsStep
from flowjoy.analysis.promise.yaml_nodes import WorkflowError
from flowjoy.domain import Proposal, WorkflowFile


def sentences(proposal: Proposal) -> list[str]:
    """Return a sentence for each changed workflow file that runs FlowJoy, and for what was not compared."""
    return [text for text, _ in _edits(proposal)]


def may_change_inputs(proposal: Proposal | None) -> bool:
    """Return whether the proposal may change FlowJoy's inputs: any workflow file can call one that runs FlowJoy."""
    if proposal is None or not proposal.files_known or proposal.workflows_unread:
        return True
    return any(file.before != file.after for one in proposal.every for file in one.workflows)


def base_runs_flowjoy(proposal: Proposal) -> bool:
    """Return whether a base of the proposal may run FlowJoy, also where not every file could be read."""
    if not all(one.files_known and one.workflows and not one.workflows_unread for one in proposal.every):
        return True
    files = [file.before for one in proposal.every for file in (*one.workflows, *one.other_workflows)]
    return any(file.problem is not None or workflow_file.may_run_unseen(file.text) for file in files)


def steps_at(proposal: Proposal | None, *, base: bool) -> Iterator[tuple[str, TermsStep]]:
    """Yield path and step where FlowJoy's inputs are given: in changed files at the head, or in all at the base."""
    if proposal is None:
        return
    left = workflow_file.MAX_TOTAL_CHARACTERS
    files = [(file.path, file.before if base else file.after, file) for file in proposal.workflows]
    files += [(file.path, file.before, file) for file in proposal.other_workflows if base]
    running = {path for path, side, _ in files if workflow_file.mentions(side.text)}
    for path, side, file in files:
        is_changed = file in proposal.workflows
        if is_changed:
            left -= len(file.before.text or "") + len(file.after.text or "")
        elif path in running:
            left -= len(side.text or "")
        if left >= 0:
            with suppress(WorkflowError):
                yield from ((path, step) for step in workflow_file.terms_steps(side.text, running=running))


def _edits(proposal: Proposal) -> Iterator[tuple[str, bool]]:
    """Yield a sentence for each file, and whether inputs may change in it."""
    left = workflow_file.MAX_TOTAL_CHARACTERS
    for file in proposal.workflows:
        left -= len(file.before.text or "") + len(file.after.text or "")
        if left < 0:
            yield f"{file.path} and the other changed files are too large to compare. Review them", True
            break
        edit = _edit(file)
        if edit is not None:
            yield edit
    if proposal.workflows_unread:
        yield f"changed workflow files that were not compared: {proposal.workflows_unread}. Review them", True


def _edit(file: WorkflowFile) -> tuple[str, bool] | None:
    """Return what the edit of one file changes; None for a file that runs FlowJoy on neither side."""
    unread = next((side.problem for side in (file.before, file.after) if side.problem is not None), None)
    if unread is not None:
        return f"{file.path}: the change could not be compared ({unread}). Review how it runs FlowJoy", True
    before, after = file.before.text, file.after.text
    named = workflow_file.mentions(before) or workflow_file.mentions(after)
    if not (named or workflow_file.may_call(before) or workflow_file.may_call(after)):
        return None
    try:
        changes = workflow_file.changes(before, after)
    except WorkflowError as problem:
        return f"{file.path}: the change could not be compared, because {problem}. Review how it runs FlowJoy", True
    if not changes:
        return (f"{file.path} runs FlowJoy and is changed; none of FlowJoy's inputs changes", False) if named else None
    shown = "; ".join(changes[: workflow_file.SHOWN_CHANGES])
    more = len(changes) - workflow_file.SHOWN_CHANGES
    return f"{file.path} changes how FlowJoy runs: {shown}" + (f"; and {more} more" if more > 0 else ""), True
