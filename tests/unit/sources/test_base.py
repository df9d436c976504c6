"""What every source has at hand."""

from __future__ import annotations

import pytest

from flowjoy.clients.transport import Budget, Transport
from flowjoy.errors import HarvestError
from flowjoy.sources.base import Clients


def test_github__that_cannot_be_asked_is_an_error_with_its_cure() -> None:
    access = Clients(transport=Transport(Budget(1)), progress=lambda _: None)
    with pytest.raises(HarvestError, match="GitHub cannot be read without a token") as problem:
        _ = access.to_github
    assert problem.value.hint == "set github-token"
