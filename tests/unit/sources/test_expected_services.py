"""`--services`: the file of who should report, and its mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowjoy.errors import InputError
from flowjoy.sources.expected_services import read


def test_file__in_another_encoding_is_a_mistake_with_its_cure(tmp_path: Path) -> None:
    (tmp_path / "services.csv").write_bytes("repository,service,team\nacme/shop,shop,ünion\n".encode("latin-1"))
    with pytest.raises(InputError, match=r"is not UTF-8\. Save it as CSV in UTF-8"):
        read(tmp_path / "services.csv")
