"""The section on the inventory: pull requests, branches and model versions that wait."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from flowjoy.analysis.results import Results
from flowjoy.domain import Branch, Inventory, ModelVersion, OpenPull
from flowjoy.report.blocks import ROW_LIMIT, Cell, KeyFigure, Listing, Section, Table, time_cell
from flowjoy.report.escaping import clean
from flowjoy.report.prose import ModelVersionName, Name, PullRequest, Text, prose
from flowjoy.report.text import counted, moment, plural, span

STALE = timedelta(days=28)
"""A branch is stale if its last commit is older."""

LOOKED_AT = 100
"""Maximum pull requests, and maximum branches, that the inventory contains."""

_LISTED = 5


def section(results: Results) -> Section:
    """Return what waits: its numbers, a few examples, and folded tables of all."""
    bundle = results.bundle
    now, stock = bundle.generated_at, bundle.inventory
    pulls = waiting_pulls(stock) if stock is not None else ()
    branches = stale_branches(stock, now) if stock is not None else ()
    versions = sorted(bundle.unshipped, key=lambda v: (v.registered_at or now, v.name), reverse=True)
    waiting = (
        ("pull request waiting for review", [(_pull(pull), pull.created_at) for pull in pulls]),
        (
            f"branch without a commit for {STALE.days} days",
            [(Name(branch.name), branch.committed_at) for branch in branches],
        ),
        (
            "model version ready and never shipped",
            [(ModelVersionName(v.name, v.version), v.registered_at) for v in versions],
        ),
    )
    return Section(
        id="inventory",
        title="Inventory",
        key_figures=_figures(results, stock, pulls, branches, versions),
        tables=[_table(noun, items, results) for noun, items in waiting if items],
        listings=[_listing(noun, items, results) for noun, items in waiting if items],
        notes=() if stock is None else (f"Read from GitHub at {moment(stock.read_at, bundle.window.timezone)}.",),
    )


def among(total: int, noun: str = "") -> str:
    """Return the total that a count refers to, such as `of 9 open`, and how many of it were examined if not all."""
    share = f"of {total}{noun}"
    return f"{share}, of which the first {LOOKED_AT} were examined" if total > LOOKED_AT else share


def waiting_pulls(inventory: Inventory) -> tuple[OpenPull, ...]:
    """Return the pull requests waiting for review, oldest first."""
    return tuple(pull for pull in inventory.pulls if pull.state == "waiting for review")


def stale_branches(inventory: Inventory, now: datetime) -> tuple[Branch, ...]:
    """Return the branches without an open pull request or a recent commit, oldest first."""
    return tuple(branch for branch in inventory.branches if now - branch.committed_at >= STALE)


_Waiting = Sequence[tuple[Text, datetime | None]]


def _pull(pull: OpenPull) -> Text:
    return prose("{} {}", PullRequest(pull.number), clean(pull.title, 80))


def _figures(
    results: Results,
    stock: Inventory | None,
    pulls: Sequence[OpenPull],
    branches: Sequence[Branch],
    versions: Sequence[ModelVersion],
) -> tuple[KeyFigure, ...]:
    return (
        KeyFigure(
            name="pull requests waiting for review",
            value="no data" if stock is None else str(len(pulls)),
            note="" if stock is None else among(stock.pulls_total, " open"),
        ),
        KeyFigure(
            name=f"branches without a commit for {STALE.days} days",
            value="no data" if stock is None else str(len(branches)),
            note="" if stock is None else among(stock.branches_total),
        ),
        KeyFigure(
            name="model versions never shipped",
            value=counted(len(versions), known=all(week.models_known for week in results.weeks)),
        ),
    )


def _plural(noun: str, count: int) -> str:
    """Return a count with a noun that its attributes follow: `2 branches without a commit`."""
    head, _, rest = noun.partition(" ")
    if head in ("pull", "model"):
        second, _, rest = rest.partition(" ")
        head = f"{head} {second}"
    many = f"{count} {head}es" if head.endswith("ch") and count != 1 else plural(count, head)
    return f"{many} {rest}"


def _listing(noun: str, items: _Waiting, results: Results) -> Listing:
    now = results.bundle.generated_at
    examples = [text if since is None else prose("{} ({})", text, span(now - since)) for text, since in items[:_LISTED]]
    return Listing(lead=_plural(noun, len(items)), items=examples, total=len(items))


def _table(noun: str, items: _Waiting, results: Results) -> Table:
    now = results.bundle.generated_at
    rows = [
        (
            Cell(text=text, wide=True),
            Cell() if since is None else time_cell(since, results.bundle.window),
            Cell() if since is None else Cell(text=span(now - since), sort=(now - since).total_seconds()),
        )
        for text, since in items[:ROW_LIMIT]
    ]
    head = noun.split(" without", maxsplit=1)[0].split(" waiting", maxsplit=1)[0].split(" ready", maxsplit=1)[0]
    caption = _plural(noun, len(items))
    return Table(caption=caption, header=(head, "since", "waiting"), rows=rows, total=len(items), shown=0, cap=0)
