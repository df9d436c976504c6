"""Content of the check runs `48 h SLA` and `model dependency`: conclusion, title, summary and annotations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from flowjoy.analysis.promise import verdict
from flowjoy.analysis.results import Results, with_gate
from flowjoy.domain import Decision, Obligation, Status
from flowjoy.domain.gate_findings import GateLevel, MergeGate
from flowjoy.domain.proposals import GROUP
from flowjoy.report.blocks import Banner
from flowjoy.report.content.banner import banner as banner_of
from flowjoy.report.content.banner import release_banner
from flowjoy.report.content.gate import gate_banner, problem
from flowjoy.report.content.gate import section as gate_section
from flowjoy.report.content.obligation_text import outcome
from flowjoy.report.content.promise import release_section
from flowjoy.report.content.report import Report
from flowjoy.report.escaping import clean, prose
from flowjoy.report.links import NOWHERE, Links
from flowjoy.report.markdown import banner, document, section
from flowjoy.report.prose import Name, plain, spans
from flowjoy.report.surfaces import summary
from flowjoy.report.text import capital

LONGEST_TEXT = 65_535
"""GitHub's limit for the summary of a check, in characters."""

_LONGEST_TITLE = 200
_SEVERITY = {"success": 0, "neutral": 1, "failure": 2}


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

    `refused`: the pull requests that the merge gate refused on this commit. `overdue_since`: whether a later run of the
    default branch turned it red, and may turn it back.
    """

    subject: str
    sha: str
    conclusion: str
    title: str
    summary: str
    annotations: tuple[Annotation, ...] = ()
    refused: frozenset[int] = frozenset()
    overdue_since: bool = False


def promise_check(
    results: Results,
    sha: str,
    report: Report,
    *,
    stub_path: str,
    lines: Mapping[str, int],
    report_url: str | None = None,
    is_proposed: bool = False,
) -> Check:
    """Return the `48 h SLA` check for the run's commit: the state of the service, or of its own release if worse.

    `is_proposed`: the commit is the head of an open pull request, so the check says whether that may be merged. A
    release that shipped late would block it for good.
    """
    conclusion, shown = _service_conclusion(results), report.banner
    own = [] if is_proposed else own_obligations(results, sha)
    of_release = release_banner(results, own, report.links)
    if of_release is not None and _SEVERITY[settled := _release_conclusion(results, own)] > _SEVERITY[conclusion]:
        conclusion, shown = settled, of_release
    title = _title(shown)
    if shown is report.banner and results.gate is not None and (failures := results.gate.of(GateLevel.FAILURE)):
        title = clean(f"Merging is blocked by the model dependency: {problem(failures)}", _LONGEST_TITLE)
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
        title=title,
        summary=within_limit(summary(replace(report, banner=shown), report_url)),
        annotations=tuple(remarks.values()),
    )


def own_obligations(results: Results, sha: str) -> list[Obligation]:
    """Return what the releases of one commit owe."""
    return [item for item in results.obligations if item.sha == sha]


def settled_check(results: Results, sha: str, links: Links = NOWHERE) -> Check | None:
    """Return the `48 h SLA` check for an earlier release; None until its last deadline has passed."""
    own = own_obligations(results, sha)
    shown = release_banner(results, own, links)
    if shown is None:
        return None
    text = document(banner(shown, links), section(release_section(own, results), links))
    return Check(
        subject="sla",
        sha=sha,
        conclusion=_release_conclusion(results, own),
        title=_title(shown),
        summary=within_limit(text),
    )


def open_pull_request_check(results: Results, sha: str, report: Report) -> Check:
    """Return the `48 h SLA` check of an open pull request, as a later run of the default branch sees the service.

    A merge gate of that run was about its own commit.
    """
    merging = with_gate(results, MergeGate(findings=(), is_merge=True))
    shown, conclusion = banner_of(merging, report.links), _service_conclusion(merging)
    sections = {name: part for name, part in report.sections.items() if name != "gate"}
    return Check(
        subject="sla",
        sha=sha,
        conclusion=conclusion,
        title=_title(shown),
        summary=within_limit(summary(replace(report, banner=shown, sections=sections))),
        overdue_since=conclusion == "failure",
    )


def _release_conclusion(results: Results, own: Sequence[Obligation]) -> str:
    """Return the conclusion for a release whose obligations are settled."""
    if any(item.status in (Status.BREACHED, Status.LATE) for item in own):
        return "failure" if results.bundle.terms.enforce else "neutral"
    return "success" if all(item.status is Status.MET for item in own) else "neutral"


def _title(shown: Banner) -> str:
    """Return the banner as the title of a check: a plain line that stands alone."""
    text = plain(shown.headline)
    return clean(text if isinstance(spans(shown.title)[0], Name) else capital(text), _LONGEST_TITLE)


def gate_check(gate: MergeGate, sha: str, results: Results, *, stub_path: str, links: Links = NOWHERE) -> Check:
    """Return the `model dependency` check. A waived problem makes it neutral: it neither blocks nor succeeds."""
    shown, content = gate_banner(gate, results, links), gate_section(gate, is_stated=True)
    conclusion = "neutral" if gate.of(GateLevel.WARNING) else "success"
    if gate.of(GateLevel.FAILURE):
        conclusion = "failure" if results.bundle.terms.enforce else "neutral"
    return Check(
        subject="dependency",
        sha=sha,
        conclusion=conclusion,
        title=_title(shown),
        summary=within_limit(document(banner(shown, links), section(content, links) if content is not None else "")),
        annotations=tuple(
            Annotation(path=stub_path, line=finding.line, level=finding.level.value, message=clean(finding.text, 500))
            for finding in gate.findings
            if finding.line is not None
        ),
    )


def refused_elsewhere(check: Check, numbers: Sequence[int]) -> Check:
    """Return a merge gate that is red for other pull requests of the same commit, with what this run found."""
    if GROUP in numbers:
        return _refused_group(check)
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


def _refused_group(check: Check) -> Check:
    text = (
        "The merge gate refused the merge group of this commit. A commit has one check, so it stays red until the "
        "workflow of that merge group is run again."
    )
    return replace(
        check,
        conclusion="failure",
        title="the merge group of this commit is refused",
        summary=within_limit(f"{text}\n\nThis run itself found: {check.title}\n\n{check.summary}"),
    )


def undecided_gate(reason: str, sha: str) -> Check:
    """Return a failed `model dependency` check; a skipped check would satisfy a required one."""
    text = f"Could not decide: {reason}"
    return Check(
        subject="dependency",
        sha=sha,
        conclusion="failure",
        title=clean(text, _LONGEST_TITLE),
        summary=within_limit(document(prose(text, 2000))),
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
    nothing_to_judge = results.sla_status in ("undeclared", "none")
    return "neutral" if nothing_to_judge or any(item.is_open for item in results.scope) else "success"
