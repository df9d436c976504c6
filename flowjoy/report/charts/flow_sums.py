"""The sentences of the joint flow chart: its sums, and why a part of it is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowjoy.report.text import capital, plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flowjoy.domain import Week


def why_no_mttr(weeks: Sequence[Week]) -> str:
    """Return, after a separator, why no week has an MTTR."""
    return " · incidents unknown" if all(week.incidents is None for week in weeks) else " · no resolved incident"


def why_empty(weeks: Sequence[Week]) -> str:
    """Return why there is nothing to draw; unread sources differ from no events."""
    unread = _unread(weeks)
    if unread:
        return f"Unknown: {unread} could not be read"
    if not weeks:
        return "No weeks to show"
    return f"No code deploys, model ships or resolved incidents in {plural(len(weeks), 'week')}"


def _unread(weeks: Sequence[Week]) -> str:
    known = (
        ("code deploys", all(week.code_known for week in weeks)),
        ("model ships", all(week.models_known for week in weeks)),
    )
    return " and ".join(name for name, is_known in known if not is_known)


def totals(weeks: Sequence[Week]) -> str:
    """Return the totals of the complete weeks."""
    if unread := _unread(weeks):
        return f"{capital(unread)} could not be read"
    complete = [week for week in weeks if not week.partial]
    observed = [week for week in complete if week.observed]
    code = plural(sum(week.code_deploys for week in complete), "code deploy")
    models = plural(sum(week.model_deploys for week in observed), "model ship")
    if len(observed) < len(complete):
        models += f" ({len(observed)} observed)"
    late = sum(week.diverges for week in complete)
    note = f" · {plural(late, 'week')} diverge{'s' * (late == 1)}" * bool(late)
    sums = f"{code} and {models} in {plural(len(complete), 'complete week')}{note}"
    return sums if complete else "No complete week yet"
