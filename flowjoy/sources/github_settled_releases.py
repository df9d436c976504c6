"""The releases whose deadline is over: an earlier one that no list shows matters only if it owes what they do not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from flowjoy.analysis.promise.dependencies import branch_stub
from flowjoy.clients.github import GitHubApi
from flowjoy.domain import Requirement, Rule
from flowjoy.sources import github_model_stubs
from flowjoy.sources.base import HarvestQuery

_DELAY = timedelta(hours=1)
"""A run that ended that long before FlowJoy looked was listed as ended then."""

_Item = TypeVar("_Item")


def looked_at_before(ended: datetime, query: HarvestQuery) -> bool:
    """Return whether a run of FlowJoy that read all code saw what ended then; its ledger holds what went live."""
    return query.code_read_at is not None and ended < query.code_read_at - _DELAY


def judged_before(began: datetime, ended: datetime, query: HarvestQuery) -> bool:
    """Return whether an earlier run saw it ended when its deadline was over, and did not refuse it."""
    hours = timedelta(hours=query.settings.sla_hours)
    return looked_at_before(ended, query) and looked_at_before(began + hours, query)


class SettledReleases:
    """The known releases whose deadline is over. `released`: when each went live, and its commit."""

    def __init__(self, github: GitHubApi, query: HarvestQuery, released: Iterable[tuple[datetime, str]]) -> None:
        until = query.as_of - timedelta(hours=query.settings.sla_hours)
        self._github, self._query = github, query
        self._ended = sorted(item for item in released if item[0] <= until)

    @property
    def since(self) -> datetime:
        """When the last one went live."""
        return self._ended[-1][0] if self._ended else self._query.horizon

    def owing(self, doubts: Iterable[_Item], of: Callable[[_Item], tuple[datetime, str]]) -> list[_Item]:
        """Return the doubtful releases that may still owe a model. `of`: when each may have gone live, and its commit.

        These are those after the last settled one, and those that owe a model which no later settled one owes.
        """
        listed = list(doubts)
        earlier = [(at, sha) for at, sha in map(of, listed) if at < self.since]
        if not earlier:
            return listed
        begin = min(at for at, _ in earlier)
        shas = {sha for _, sha in earlier} | {sha for at, sha in self._ended if at > begin}
        stubs = github_model_stubs.read(self._github, self._query.settings.model_stub, shas, self._query.remembered)
        settings = self._query.settings
        required = {sha: branch_stub(stubs, sha, settings.model_stub, settings.models).requirements for sha in shas}
        later = [(at, required[sha]) for at, sha in self._ended if at > begin]
        return [item for item in listed if self._may_owe(*of(item), required, later)]

    def _may_owe(
        self,
        at: datetime,
        sha: str,
        required: Mapping[str, Mapping[str, Requirement]],
        later: Sequence[tuple[datetime, Mapping[str, Requirement]]],
    ) -> bool:
        if at >= self.since:
            return True
        settling = [by_model for then, by_model in later if then > at]
        return not all(
            any(_settles(by_model.get(requirement.model), requirement) for by_model in settling)
            for requirement in required[sha].values()
        )


def _settles(later: Requirement | None, earlier: Requirement) -> bool:
    """Return whether what a later release owes includes what an earlier one owed. A pin replaces an earlier pin."""
    if earlier.rule is Rule.NONE:
        return True
    if later is None or later.rule is Rule.NONE:
        return False
    return later.rule is Rule.ANY or earlier.rule is not Rule.ANY
