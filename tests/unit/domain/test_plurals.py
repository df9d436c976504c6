"""Counts agree with their nouns."""

from __future__ import annotations

from flowjoy.domain.plurals import grouped, plural


def test_plural__agrees_with_the_count() -> None:
    assert [plural(count, "deploy") for count in (0, 1, 2)] == ["0 deploys", "1 deploy", "2 deploys"]
    assert [plural(count, "category", "categories") for count in (1, 2)] == ["1 category", "2 categories"]


def test_grouped__separates_thousands() -> None:
    assert [grouped(count, "row") for count in (1, 12_000)] == ["1 row", "12,000 rows"]
    assert grouped(1_200, "category", "categories") == "1,200 categories"
