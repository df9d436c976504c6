"""Content of the check runs `48 h SLA` and `model dependency`: conclusion, title, summary and annotations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from flowjoy.analysis.promise import verdict
from flowjoy.analysis.promise.merge_gate import GateLevel, MergeGate
from flowjoy.analysis.results import Results
from flowjoy.domain import Decision, Status
from flowjoy.report import markdown
from flowjoy.report.content.headline import headline, outcome
from flowjoy.report.escaping import clean
from flowjoy.report.markdown_promise import release
from flowjoy.report.text import plural, span

LONGEST_TEXT = 65_535
"""GitHub's limit for the summary of a check, in characters."""

_LONGEST_TITLE = 200
_SEVERITY = {"success": 0, "neutral": 1, "failure": 2}
_BROKEN = frozenset({Status.BREACHED, Status.LATE})


@dataclass(frozen=True, kw_only=True)
class Annotation:
    """One remark on a line of a file."""

    path: str
    line: int
    level: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Check:
    """The content of one check run. `subject` distinguishes the two checks of a service: `sla` or `dependency`.

    `refused`: the pull requests that the merge gate refused on this commit.
    """

    subject: str
    sha: str
    conclusion: str
    title: str
    summary: str
    annotations: tuple[Annotation, ...] = ()
    refused: frozenset[int] = frozenset()


def promise_check(
    results: Results, sha: str, *, stub_path: str, lines: Mapping[str, int], report_url: str | None = None
) -> Check:
    """Return the `48 h SLA` check for the run's commit: the state of the service, or of its own release if worse."""
    service = (_service_conclusion(results), headline(results))
    own = settled(results, sha)
    conclusion, title = service
    if own is not None and _SEVERITY[own[0]] > _SEVERITY[service[0]]:
        conclusion, title = own
    broken = [item for item in results.scope if item.status is Status.BREACHED and item.model in lines]
    remarks = {
        item.model: Annotation(
            path=stub_path,
            line=lines[item.model],
            level="failure",
            message=f"{clean(item.model)}: {outcome(item, results)}",
        )
        for item in broken
    }
    return Check(
        subject="sla",
        sha=sha,
        conclusion=conclusion,
        title=clean(title, _LONGEST_TITLE),
        summary=within_limit(markdown.summary(results, report_url)),
        annotations=tuple(remarks.values()),
    )


def settled_check(results: Results, sha: str) -> Check | None:
    """Return the `48 h SLA` check for an earlier release; None until its last deadline has passed."""
    own_outcome = settled(results, sha)
    if own_outcome is None:
        return None
    own = [item for item in results.obligations if item.sha == sha]
    return Check(
        subject="sla",
        sha=sha,
        conclusion=own_outcome[0],
        title=clean(own_outcome[1], _LONGEST_TITLE),
        summary=within_limit(release(results, own)),
    )


def settled(results: Results, sha: str) -> tuple[str, str] | None:
    """Return conclusion and title for a release; None while an obligation is running or unknown."""
    own = [item for item in results.obligations if item.sha == sha]
    if not own or any(item.is_running or item.status is Status.UNKNOWN for item in own):
        return None
    broken = [item for item in own if item.status in _BROKEN]
    if broken:
        worst = max(broken, key=lambda item: ((item.closed_at or results.bundle.generated_at) - item.deadline, item.id))
        softened = "failure" if results.bundle.terms.enforce else "neutral"
        return softened, f"{worst.model} {outcome(worst, results)}"
    other = [item for item in own if item.status is not Status.MET]
    if other:
        first = min(other, key=lambda item: (item.status.value, item.model))
        if first.status is Status.WAIVED:
            return "neutral", f"{first.model} {outcome(first, results)}"
        return "neutral", f"{first.model} {first.status.label}"
    longest = max(item.shipped_at - item.start for item in own if item.shipped_at is not None)
    return "success", f"{plural(len(own), 'model')} shipped within {span(longest)}"


def gate_check(gate: MergeGate, sha: str, results: Results, *, stub_path: str) -> Check:
    """Return the `model dependency` check. A waived problem makes it neutral: it neither blocks nor succeeds."""
    failures, overridden = gate.of(GateLevel.FAILURE), gate.of(GateLevel.WARNING)
    conclusion = "neutral" if overridden else "success"
    if failures:
        conclusion = "failure" if results.bundle.terms.enforce else "neutral"
    titles = [*(finding.text for finding in (*failures, *overridden)), *gate.forecast, "models and code match"]
    return Check(
        subject="dependency",
        sha=sha,
        conclusion=conclusion,
        title=clean(titles[0], _LONGEST_TITLE),
        summary=within_limit(markdown.gate(gate)),
        annotations=tuple(
            Annotation(path=stub_path, line=finding.line, level=finding.level.value, message=clean(finding.text, 500))
            for finding in gate.findings
            if finding.line is not None
        ),
    )


def refused_elsewhere(check: Check, numbers: Sequence[int]) -> Check:
    """Return a merge gate that is red for other pull requests of the same commit, with what this run found."""
    named = ", ".join(f"#{number}" for number in numbers)
    text = (
        f"This commit is also the head of {named}, which the merge gate refused. A commit has one check, so it stays "
        f"red. Fix {named} and run its workflow again, close it, or push another commit to this branch."
    )
    return replace(
        check,
        conclusion="failure",
        title=clean(f"pull request {named} of the same commit is refused", _LONGEST_TITLE),
        summary=within_limit(f"{text}\n\nThis run itself found: {check.title}\n\n{check.summary}"),
    )


def undecided_gate(reason: str, sha: str) -> Check:
    """Return a failed `model dependency` check; a skipped check would satisfy a required one."""
    text = f"could not decide: {reason}"
    return Check(
        subject="dependency",
        sha=sha,
        conclusion="failure",
        title=clean(text, _LONGEST_TITLE),
        summary=within_limit(markdown.literal(text)),
    )


def within_limit(text: str) -> str:
    """Return the text within GitHub's limit, cut between lines and marked as cut."""
    if len(text) <= LONGEST_TEXT:
        return text
    cut = "\n\n… cut here. The job summary and the artifact have the full text."
    return text[: text.rfind("\n", 0, LONGEST_TEXT - len(cut))] + cut


def _service_conclusion(results: Results) -> str:
    if results.verdict.exit_code == verdict.EXIT_UNDECIDED:
        return "failure"
    if results.verdict.decision is Decision.FAIL:
        return "failure" if results.bundle.terms.enforce else "neutral"
    nothing_to_judge = results.sla_status == "undeclared"
    return "neutral" if nothing_to_judge or any(item.is_open for item in results.scope) else "success"
