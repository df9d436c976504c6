"""The section on drift between training and live data."""

from __future__ import annotations

from flowjoy.domain.drift import DriftCheck, DriftStatus, FeatureDrift
from flowjoy.report.blocks import ROW_LIMIT, Cell, Chart, KeyFigure, Mark, Paragraph, Section, Table
from flowjoy.report.content.drift_text import READING, SHOWN, broken, scope, sentence, unjudged
from flowjoy.report.escaping import clean
from flowjoy.report.prose import Name, prose
from flowjoy.report.text import capital

_UNFOLDED = 12
"""Features before the fold; the picture shows the worst ones."""

MARKS = {
    DriftStatus.OK: Mark.GOOD,
    DriftStatus.OVER: Mark.WAIT,
    DriftStatus.DRIFT: Mark.BAD,
    DriftStatus.TOO_FEW: Mark.CALM,
    DriftStatus.ERROR: Mark.WAIT,
}
_ALT = "Shares of training and live data in each bin, for the features that differ the most: see the table below"


def section(check: DriftCheck | None) -> Section | None:
    """Return status, worst feature, rows, picture and a table of all features; None if no check was configured."""
    if check is None:
        return None
    features = [*check.judged, *(item for item in check.features if item not in check.judged)]
    table = Table(
        caption="Every feature, the worst first",
        header=("feature", "KL (nats)", "PSI", "rows in training", "live rows", "status", "problem"),
        rows=[_row(item) for item in features[:ROW_LIMIT]],
        total=len(features),
        shown=_UNFOLDED,
        cap=min(len(check.judged), SHOWN) + min(len(broken(check)), SHOWN) or SHOWN,
    )
    paragraphs = [Paragraph(lead=f"{capital(check.status.value)}.", text=sentence(check), mark=MARKS[check.status])]
    if check.judged and (not_judged := unjudged(check)):
        paragraphs.append(Paragraph(lead="Not judged.", text=f"{not_judged}.", mark=Mark.WAIT))
    return Section(
        id="drift",
        title="Drift",
        key_figures=_key_figures(check),
        paragraphs=paragraphs,
        chart=Chart(name="drift", alt=_ALT, over_time=False) if check.judged else None,
        tables=(table,) if features else (),
        notes=(f"Compared: {clean(scope(check), 300)}.", READING) if features else (),
    )


def _key_figures(check: DriftCheck) -> tuple[KeyFigure, ...]:
    worst = check.judged[0] if check.judged else None
    judged = len(check.judged)
    over = sum(item.status is DriftStatus.OVER for item in check.features)
    smaller = min((item.live_n for item in check.judged), default=None)
    return (
        KeyFigure(
            name="worst feature, KL",
            value="no data" if worst is None else f"{worst.kl_nats:.4f}",
            note="" if worst is None else prose("{}; threshold {}", Name(worst.name), f"{check.threshold:g} nats"),
        ),
        KeyFigure(
            name="features over the threshold", value=str(over) if judged else "no data", note=f"of {judged} judged"
        ),
        KeyFigure(
            name="live rows",
            value="no data" if smaller is None else f"{smaller:,}",
            note=f"{check.min_samples:,} needed on each side",
        ),
    )


def _row(item: FeatureDrift) -> tuple[Cell, ...]:
    return (
        Cell(text=Name(clean(item.name, 80))),
        _nats(item.kl_nats),
        _nats(item.psi),
        _rows(item.reference_n),
        _rows(item.live_n),
        Cell(text=item.status.value, mark=MARKS[item.status]),
        Cell(text=item.problem or "", wide=True),
    )


def _nats(value: float | None) -> Cell:
    return Cell(number=True, sort="") if value is None else Cell(text=f"{value:.4f}", sort=value, number=True)


def _rows(count: int) -> Cell:
    return Cell(text=f"{count:,}" if count else "", sort=count or "", number=True)
