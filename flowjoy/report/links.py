"""The addresses that a report links: commits, pull requests, model versions, and the documentation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from flowjoy.report.prose import Commit, Link, ModelVersionName, PullRequest, Span


@dataclass(frozen=True, kw_only=True)
class Links:
    """The pull request of a run, if any, and the bases of all addresses; an address that is None is not linked.

    `repository`: the web address of the repository; `registry`: that of the registry, with its models below `#/models`;
    `documentation`: the folder of FlowJoy's documentation. `check` and `run`: where this run's results stand.
    `stub`: the page that edits the stub of the default branch. `pull_request`: the number of the one that is judged.
    """

    repository: str | None = None
    registry: str | None = None
    documentation: str | None = None
    check: str | None = None
    run: str | None = None
    stub: str | None = None
    pull_request: int | None = None

    @property
    def of_run(self) -> Mapping[str, str]:
        """The links of every alert: texts and addresses."""
        return known({"Open the check": self.check, "Open the report": self.run})

    def address(self, span: Span) -> str | None:
        """Return the address of what a span names; None if it names nothing that has one."""
        if isinstance(span, Link):
            return span.address
        if isinstance(span, Commit) and self.repository and span.sha.isalnum():
            return f"{self.repository}/commit/{quote(span.sha, safe='')}"
        if isinstance(span, PullRequest) and self.repository:
            return f"{self.repository}/pull/{span.number}"
        if isinstance(span, ModelVersionName) and self.registry:
            return f"{self.registry}/#/models/{_quoted(span.model)}/versions/{_quoted(span.version)}"
        return None

    def page(self, text: str, path: str) -> Span:
        """Return a link to a page of the documentation; its path alone where its address is unknown."""
        return Link(text, f"{self.documentation}/{path}") if self.documentation else f"{text} (docs/{path})"


def known(links: Mapping[str, str | None]) -> dict[str, str]:
    """Return the links whose address is known."""
    return {text: address for text, address in links.items() if address is not None}


def _quoted(name: str) -> str:
    """Return a name as part of an address; a point is quoted too, so that no address can be found in it."""
    return quote(name, safe="").replace(".", "%2E")


NOWHERE = Links()
