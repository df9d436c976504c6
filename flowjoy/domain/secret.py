"""A credential whose repr hides it."""

from __future__ import annotations


class Secret:
    """A credential. Its repr and str hide it; `reveal()` is the only way to the value."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the value itself, for the one request that needs it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"
