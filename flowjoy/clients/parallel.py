"""Several requests at a time, never more than a service bears."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

AT_ONCE = 8

_Item = TypeVar("_Item")
_T = TypeVar("_T")


def side_by_side(work: Callable[[_Item], _T], items: Iterable[_Item], *, at_once: int = AT_ONCE) -> list[_T]:
    """Return `work(item)` for each item, in the order of the items. Raise the first exception, and start no more."""
    pool = ThreadPoolExecutor(at_once)
    try:
        return [future.result() for future in [pool.submit(work, item) for item in items]]
    finally:
        # Requests that have begun end by their own deadline.
        pool.shutdown(wait=False, cancel_futures=True)
