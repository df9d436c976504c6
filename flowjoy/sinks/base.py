"""What every sink shares: the run it reports, and the door to GitHub."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from flowjoy.findings import Findings
from flowjoy.github_api import GitHubApi
from flowjoy.settings import Settings
from flowjoy.trigger import Trigger


@dataclass(frozen=True, kw_only=True)
class Publication:
    """What is to be published. `lines`: the line of each model in the stub at the run's own commit.

    `artifact_url`: where the report can be downloaded, None where it was not uploaded.
    """

    settings: Settings
    trigger: Trigger
    findings: Findings
    lines: Mapping[str, int]
    details_url: str | None
    redact: Callable[[str], str]
    artifact_url: str | None = None


class Sink(Protocol):
    """One destination. `publish` raises HarvestError with what to do; a sink never decides."""

    @property
    def label(self) -> str:
        """What people call it."""

    def publish(self, publication: Publication, github: GitHubApi) -> Mapping[str, str]:
        """Deliver; gives the outputs that it knows."""
