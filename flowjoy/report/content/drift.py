"""The page section on drift between training and live data."""

from __future__ import annotations

from flowjoy.domain.drift import DriftCheck, DriftStatus, FeatureDrift
from flowjoy.report.blocks import ROW_LIMIT, Cell, KeyFigure, Paragraph, Picture, Section, Table, more
from flowjoy.report.content.drift_text import MARKS, READING, scope, sentence, unjudged
from flowjoy.report.escaping import clean

_FOLDED = 12
"""Maximum features in an unfolded table; the picture shows the worst ones."""

_STEPS = {
    DriftStatus.OK: "good",
    DriftStatus.DRIFT: "bad",
}


def drift(check: DriftCheck | None, picture: Picture | None) -> Section | None:
    """Return status, worst feature, rows, picture and a table of all features; None if no check was configured."""
    if check is None:
        return None
    table = Table(
        caption="Every feature, the worst first",
        header=("feature", "KL (nats)", "PSI", "rows in training", "live rows", "status", ""),
        rows=[_row(item) for item in check.features[:ROW_LIMIT]],
        more=more(len(check.features)),
        folded=len(check.features) > _FOLDED,
        total=len(check.features),
    )
    not_judged = unjudged(check)
    mark = f"todo {_STEPS.get(check.status, '')}".strip()
    return Section(
        id="drift",
        title="Drift",
        key_figures=_key_figures(check),
        paragraphs=[
            Paragraph(lead=f"{check.status.value}.", text=sentence(check), mark=mark),
            *[Paragraph(lead="Not judged.", text=f"{not_judged}.", mark="todo")] * bool(not_judged and check.judged),
        ],
        picture=picture if check.judged else None,
        tables=(table,) if check.features else (),
        notes=(f"Compared: {clean(scope(check), 300)}.", READING) if check.features else (),
    )


def _key_figures(check: DriftCheck) -> tuple[KeyFigure, ...]:
    worst = check.judged[0] if check.judged else None
    judged = len(check.judged)
    over = sum(item.status is DriftStatus.OVER for item in check.features)
    smaller = min((item.live_n for item in check.judged), default=None)
    return (
        KeyFigure(name="drift check", value=check.status.value, mark=MARKS[check.status].replace("calm", "")),
        KeyFigure(
            name="worst feature, KL",
            value="no data" if worst is None else f"{worst.kl_nats:.4f}",
            note="" if worst is None else f"{clean(worst.name, 60)}; threshold {check.threshold:g} nats",
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
        Cell(text=clean(item.name, 80)),
        _nats(item.kl_nats),
        _nats(item.psi),
        _rows(item.reference_n),
        _rows(item.live_n),
        Cell(text=item.status.value, mark=MARKS[item.status]),
        Cell(text=item.problem or ""),
    )


def _nats(value: float | None) -> Cell:
    return Cell(number=True, sort="") if value is None else Cell(text=f"{value:.4f}", sort=value, number=True)


def _rows(count: int) -> Cell:
    return Cell(text=f"{count:,}" if count else "", sort=count or "", number=True)
