"""Advice, retrospective, live pair and inventory in the job summary. All external text is literal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from flowjoy.analysis.flow.advice import Advice
from flowjoy.analysis.results import Results
from flowjoy.report.content.inventory import STALE, stale_branches, waiting_pulls
from flowjoy.report.content.retrospective import (
    action_answer,
    bottleneck_answer,
    gap_answer,
    live_period,
    measured_answer,
    pair_name,
)
from flowjoy.report.escaping import code, trusted_markdown
from flowjoy.report.palette import CODE_PALE, MODEL_LINE
from flowjoy.report.text import plural, span, table

SHOWN = 5
WEEK_LIMIT = 12
"""Maximum weeks in the Mermaid chart; the dates of more weeks would overlap."""


_TONES = f"{CODE_PALE.light}, {MODEL_LINE}"
_PALETTE = f'%%{{init: {{"themeVariables": {{"xyChart": {{"plotColorPalette": "{_TONES}"}}}}}}}}%%'
"""Blue and violet as in the full chart: pale bars, so that the thin line is visible before them and on both grounds."""


def advice(recommendations: Sequence[Advice]) -> str:
    """Return the recommendations of the current signals."""
    if not recommendations:
        return ""
    rows = [
        (
            code(row.because, 300),
            f"{'**Escalated:** ' if row.escalated else ''}{trusted_markdown(row.do)}.",
            trusted_markdown(row.benefit),
        )
        for row in recommendations
    ]
    return f"### Advice\n\n{table(('because', 'do', 'expected benefit'), rows)}"


def retrospective(results: Results) -> str:
    """Return the questions of the retrospective with their answers."""
    measured = measured_answer(results)
    lines = [
        f"- **Which week shows the biggest gap, and how did that affect MTTR?** {gap_answer(results)}",
        f"- **Where does code flow but models jam?** {code(bottleneck_answer(results), 300)}",
        f"- **One action to try before the next sprint:** {code(action_answer(results), 500)}",
        f"- **The last action:** {code(measured, 500)}" if measured is not None else "",
    ]
    return "### Retrospective\n\n" + "\n".join(filter(None, lines))


def live(results: Results) -> str:
    """Return the live pair and the pair to roll back to."""
    if not results.pairs:
        return ""
    now, target = results.pairs[-1], results.rollback_target
    lines = [f"**Live now:** {code(pair_name(now))}"]
    if target is not None:
        lines.append(f"**Last pair without an incident:** {code(pair_name(target))} ({live_period(target, results)})")
    return "<br>".join(lines)


def inventory(results: Results) -> str:
    """Return the pull requests, branches and model versions that wait."""
    bundle = results.bundle
    now = bundle.generated_at
    parts = []
    if bundle.inventory is not None:
        pulls, branches = waiting_pulls(bundle.inventory), stale_branches(bundle.inventory, now)
        items = (f"#{pull.number} {code(pull.title, 80)} ({span(now - pull.created_at)})" for pull in pulls)
        parts.append(_items(len(pulls), "pull request waiting for review", "pull requests waiting for review", items))
        items = (f"{code(branch.name, 80)} ({span(now - branch.committed_at)})" for branch in branches)
        idle = f"without a commit for {STALE.days} days"
        parts.append(_items(len(branches), f"branch {idle}", f"branches {idle}", items))
    versions = bundle.unshipped
    items = (f"{code(version.name)} v{code(version.version)}" for version in versions)
    parts.append(
        _items(len(versions), "model version ready and never shipped", "model versions ready and never shipped", items)
    )
    running = sum(item.is_running for item in results.scope)
    parts.append(f"{plural(running, 'clock')} running, each waiting for a model" if running else "")
    lines = [f"- {part}" for part in parts if part]
    return "### Inventory\n\n" + "\n".join(lines) if lines else ""


def small_chart(results: Results) -> str:
    """Return the code and model cadence as a Mermaid chart, which GitHub draws; the full chart is in the artifact."""
    # Mermaid knows no unfinished bar: the running week would be a fall to nearly zero.
    weeks = [week for week in results.weeks if week.observed and not week.partial][-WEEK_LIMIT:]
    read = all(week.code_known and week.models_known for week in weeks)
    if not any(week.code_deploys or week.model_deploys for week in weeks) or not read:
        return ""
    labels = ", ".join(f'"{week.label}"' for week in weeks)
    bars, line = (", ".join(str(count) for count in counts) for counts in (
        [week.code_deploys for week in weeks],
        [week.model_deploys for week in weeks],
    ))  # fmt: skip
    highest = max(max(week.code_deploys, week.model_deploys) for week in weeks)
    # By default Mermaid starts the axis at the smallest count, which would distort the gaps.
    return (
        f"```mermaid\n{_PALETTE}\nxychart-beta\n"
        '  title "Code deploys (bars) and model ships (line) by complete week"\n'
        f"  x-axis [{labels}]\n"
        f'  y-axis "deploys per week" 0 --> {highest}\n'
        f"  bar [{bars}]\n"
        f"  line [{line}]\n```"
    )


def _items(count: int, one: str, many: str, items: Iterable[str]) -> str:
    if not count:
        return ""
    shown = [text for text, _ in zip(items, range(SHOWN), strict=False)]
    more = f" … and {count - len(shown)} more" if count > len(shown) else ""
    return f"{count} {one if count == 1 else many}: {', '.join(shown)}{more}"
