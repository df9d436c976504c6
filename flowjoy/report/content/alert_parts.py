"""The parts of an alert's text, which each destination arranges in its own way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from flowjoy.domain.alerts import AlertKind
from flowjoy.domain.bundle import Bundle
from flowjoy.report.content.owners import actor
from flowjoy.report.escaping import clean
from flowjoy.report.text import capital

SEPARATOR = " · "
OVER = "✅"
MISSED = "☑️"
EXCUSED = "⏸️"
NOTHING = "nothing to do: the alert is resolved."
ICONS = {
    AlertKind.BREACH: "🔴",
    AlertKind.DRIFT: "🔴",
    AlertKind.DIVERGENCE: "⚠️",
    AlertKind.MTTR_SPIKE: "⚠️",
    AlertKind.AT_RISK: "🟠",
}


@dataclass(frozen=True, kw_only=True)
class AlertText:
    """One alert in plain text; external names are cleaned, not escaped.

    `subject` and `state` form the title, `icon` precedes it in chat and in lists. `summary`: one sentence that says how
    urgent it is. `facts`: what happened; `since`: since when. `move`: the next step in the imperative, `emergency`: the
    way out if that takes too long. `owner`: who takes the step, as the stub names them; `team`: who does otherwise,
    empty if there is nothing to do. `details`: the facts one by one.
    """

    icon: str
    subject: str
    state: str
    summary: str = ""
    facts: str
    since: str
    move: str
    emergency: str = ""
    owner: str = ""
    team: str = ""
    details: Mapping[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The title without its icon: `recommender · 2 h 5 m overdue`."""
        return SEPARATOR.join(filter(None, (self.subject, self.state)))

    @property
    def actor(self) -> str:
        """The person or team that takes the next step, in plain text; empty if there is nothing to do."""
        return self.team if not self.owner or not self.team else actor(self.owner)

    @property
    def next_step(self) -> str:
        """The next step with its actor: `Data team: ship a new version of recommender.`."""
        return capital(f"{self.actor}: {self.move}" if self.actor else self.move)


def origin(bundle: Bundle) -> str:
    """Return where an alert comes from: `acme/shop`, and the service if its name differs from the repository's."""
    repository, service = clean(bundle.repository), clean(bundle.service)
    is_same = service == repository.rpartition("/")[2]
    return SEPARATOR.join(filter(None, (repository, "" if is_same else service)))
