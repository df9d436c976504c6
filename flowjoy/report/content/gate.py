"""The section on the merge gate: whether code may go live, and what it would start."""

from __future__ import annotations

import re
from collections.abc import Sequence

from flowjoy.analysis.results import Results
from flowjoy.domain.gate_findings import GateFinding, GateLevel, MergeGate
from flowjoy.report.blocks import Banner, Mark, Move, Paragraph, Section
from flowjoy.report.content.moves import moves, not_enforced, rerun
from flowjoy.report.escaping import clean
from flowjoy.report.links import NOWHERE, Links
from flowjoy.report.prose import prose
from flowjoy.report.text import capital, plural

SHOWN, _LONGEST = 50, 300
_MARKS = {GateLevel.FAILURE: Mark.BAD, GateLevel.WARNING: Mark.WAIT, GateLevel.NOTICE: Mark.CALM}
_SENTENCE_END = re.compile(r"(?<=[^.][.?]) (?=[A-Z])")


def section(gate: MergeGate, *, is_stated: bool) -> Section | None:
    """Return the findings of the gate, and the obligations that a merge would start; None if the banner says it all.

    If `is_stated`, the banner has the first failure.
    """
    stated = [item for item in gate.of(GateLevel.FAILURE)[:1] if is_stated and len(item.text) <= _LONGEST]
    findings = [item for item in gate.findings if item not in stated]
    paragraphs = [Paragraph(text=_sentence(item.text), mark=_MARKS[item.level]) for item in findings[:SHOWN]]
    if len(findings) > SHOWN:
        paragraphs.append(Paragraph(text=f"… and {plural(len(findings) - SHOWN, 'more finding')}."))
    if not gate.findings:
        paragraphs.append(Paragraph(text=_sentence(gate.state), mark=Mark.GOOD))
    paragraphs += [Paragraph(text=capital(_sentence(text))) for text in gate.forecast[:SHOWN]]
    notes = _limits(gate)
    if not paragraphs and not notes:
        return None
    return Section(id="gate", title="Model dependency", paragraphs=paragraphs, notes=notes)


def _sentence(text: str) -> str:
    return f"{clean(text, 500).rstrip('.')}."


def _limits(gate: MergeGate) -> tuple[str, ...]:
    """Return what the gate could not judge."""
    notes = [] if gate.judged_registry else ["The registry was not read: the promise is judged after the merge."]
    if not gate.compared:
        notes.append("No ledger of the default branch was read: this run's inputs were not compared with its settings.")
    return tuple(notes)


def blocked(gate: MergeGate, results: Results, links: Links = NOWHERE) -> Banner | None:
    """Return why code may not go live, and the ways out; None if it may."""
    failures = gate.of(GateLevel.FAILURE)
    if not failures:
        return None
    act = "Merging" if gate.is_merge else "Deploying"
    verb = "is" if results.bundle.terms.enforce else "would be"
    title = f"{act} {verb} blocked: {problem(failures)}"
    _, cure = parts(failures[0].text)
    mend = Move(do=f"{cure or 'Correct it'}.", why=prose("Then {}, or push.", rerun(links)), mark=Mark.BAD)
    ways = (mend, *moves(results, links))
    return Banner(mark=Mark.BAD, word="", title=title, facts=not_enforced(results), moves=ways, cure=cure)


def problem(failures: Sequence[GateFinding]) -> str:
    """Return the first problem and how many more there are."""
    more = f" (and {len(failures) - 1} more)" if len(failures) > 1 else ""
    return f"{parts(failures[0].text)[0]}{more}"


def parts(finding: str) -> tuple[str, str]:
    """Return the problem and the cure of a finding; the cure is empty if it names none."""
    problem, _, cure = _SENTENCE_END.sub("\0", clean(finding, _LONGEST), count=1).partition("\0")
    return problem.removesuffix("."), cure.rstrip(".")


def gate_banner(gate: MergeGate, results: Results, links: Links = NOWHERE) -> Banner:
    """Return the state of the gate by itself, for its own check."""
    overridden = gate.of(GateLevel.WARNING)
    if (refused := blocked(gate, results, links)) is not None:
        return refused
    if overridden:
        return Banner(mark=Mark.WAIT, word="Waived", title=clean(overridden[0].text, 400))
    return Banner(mark=Mark.GOOD, word="", title=clean("; ".join((gate.state, *gate.forecast[:1])), 500))
