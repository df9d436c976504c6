"""The names of the two checks, which people see and branch rules require."""

from __future__ import annotations


def of_promise(prefix: str, sla_hours: float) -> str:
    """Return the name of the check on the promise: `FlowJoy / 48 h SLA`."""
    return f"{prefix} / {sla_hours:g} h SLA"


def of_gate(prefix: str) -> str:
    """Return the name of the check on the merge gate: `FlowJoy / model dependency`."""
    return f"{prefix} / model dependency"
