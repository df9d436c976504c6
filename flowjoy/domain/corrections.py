"""Deployments that correct an earlier one, by what their commits and pull requests say."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class CorrectionKind(StrEnum):
    """How a deployment is known to correct an earlier one."""

    REVERT = "revert"
    HOTFIX = "hotfix"


@dataclass(frozen=True, kw_only=True, slots=True)
class Correction:
    """A correction, by the sha of the deployment that was the first to ship it.

    `commit`: the commit that reverts, or the merge of a pull request with the hotfix label. `failed`: the sha of the
    deployment that was the first to ship the reverted commit; a hotfix corrects whatever was deployed before it.
    """

    kind: CorrectionKind
    deployed: str
    commit: str
    failed: str | None = None
    pull_request: int | None = None
