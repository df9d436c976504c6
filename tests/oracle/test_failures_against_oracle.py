"""The observed failures and a brute-force reading of their rules agree on random histories."""

from __future__ import annotations

import random

import pytest

from flowjoy.analysis.flow.observed_failures import observed_failures
from flowjoy.analysis.timeline import timeline
from flowjoy.domain.corrections import Correction, CorrectionKind
from tests.oracle.failures import Failure, Fix, failures
from tests.oracle.test_promise_against_oracle import History

HISTORIES_A_SEED = 40


@pytest.mark.parametrize("observed", [False, True])
@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.matrix)])
def test_failures__agree_with_the_brute_force_reading_on_every_history(seed: int, *, observed: bool) -> None:
    met: set[str] = set()
    for n in range(HISTORIES_A_SEED):
        number = 40_000 + seed * HISTORIES_A_SEED + n
        history, pick = History(number, observed=observed), random.Random(number)  # noqa: S311  (repeatable)
        # The text does not order two ships of one model at one instant.
        history.ships = list({(ship.model, ship.at): ship for ship in history.ships}.values())
        shas = sorted({code.sha for code in history.codes if code.sha is not None})
        fixes = {
            Fix(deployed=pick.choice(shas), failed=pick.choice([None, *shas])) for _ in range(pick.randrange(5)) if shas
        }
        fixes = {fix for fix in fixes if fix.failed != fix.deployed}
        codes = [code for code in history.codes if code.at <= history.as_of]
        expected = failures(codes, [ship for ship in history.ships if ship.at <= history.as_of], fixes)
        events = timeline(history.code_records(), history.model_records(), service="shop", until=history.as_of)
        result = {
            item.id: Failure(
                signs=tuple(sorted((sign.sign.value, sign.event) for sign in item.evidence)),
                low_hours=item.low_hours,
                hours=item.hours,
            )
            for item in observed_failures(events, [_correction(fix) for fix in fixes])
        }
        assert result == expected, f"history {number}"
        met |= {sign for failure in expected.values() for sign, _ in failure.signs}
    assert met == {"rollback", "moved back", "revert", "hotfix"}  # the histories can tell


def _correction(fix: Fix) -> Correction:
    kind = CorrectionKind.HOTFIX if fix.failed is None else CorrectionKind.REVERT
    return Correction(kind=kind, deployed=fix.deployed, commit="c" * 40, failed=fix.failed)
