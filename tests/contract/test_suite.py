"""How the tests themselves are run."""

from __future__ import annotations

import os

import pytest


@pytest.mark.skipif("PYTEST_XDIST_WORKER" not in os.environ, reason="groups are of several workers")
@pytest.mark.xdist_group("named")
def test_group__is_named_where_the_scheduler_reads_it(request: pytest.FixtureRequest) -> None:
    assert request.node.nodeid.endswith("@named")
