"""Arguments for survivors are about code that is there."""

from __future__ import annotations

from tests.trust.argued import ARGUED
from tests.trust.faults_in_code import faults_in


def test_argument__is_about_a_fault_of_the_code_as_it_is() -> None:
    paths = sorted({path for path, _, _ in ARGUED})
    known = {fault.key for kind in ("mutant", "saboteur") for fault in faults_in(paths, kind)}
    assert ARGUED.keys() <= known
