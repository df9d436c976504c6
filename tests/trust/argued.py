"""Survivors that are no gap: (file, change, changed line) → why no test can notice the change."""

from __future__ import annotations

_PROMISE = "flowjoy/analysis/promise"
_SAME_COMMIT = "equal only for the commit that is live, which the condition before it takes"
_FASTER = "the condition only saves work: without it the result is the same"

ARGUED: dict[tuple[str, str, str], str] = {
    (
        "flowjoy/analysis/event_kinds.py",
        "Lt → LtE",
        "[sha == live_sha, first_live < live_since],",
    ): _SAME_COMMIT,
    ("flowjoy/analysis/event_kinds.py", "condition always true", "if observed.any():"): _FASTER,
    (
        "flowjoy/analysis/flow/incidents.py",
        "Eq → NotEq",
        "is_model = (events[TYPE] == EventType.MODEL).to_numpy(dtype=bool)",
    ): "only where the type changes is asked, so it may be either of the two",
    (
        "flowjoy/analysis/flow/incidents.py",
        "Sub → Add",
        "turns = np.flatnonzero(np.diff(kinds, prepend=_NO_EVENT - 1))",
    ): "the first event is a turn whatever else stands before it",
    (
        "flowjoy/sources/sample_files.py",
        "raise in _refuse_long_lines",
        "raise csv.Error",
    ): "pandas then refuses the line with the same sentence, after more work",
    (
        "flowjoy/clients/mlflow_registry.py",
        "raise in request",
        'raise UnknownModelError(f"{name!r} is a prompt")',
    ): "a model without an answer is an unknown one as well",
    (
        f"{_PROMISE}/bundle_obligations.py",
        "condition always true",
        "if any(record.source_gone for records in (bundle.code, bundle.models) for record in record",
    ): _FASTER,
    (
        f"{_PROMISE}/first_ship.py",
        "condition always false",
        "if version.isdecimal():",
    ): "names of whole numbers have no leading zeros, so their texts are equal where the numbers are",
    (f"{_PROMISE}/obligations.py", "condition always false", "if not signed:"): _FASTER,
    (
        f"{_PROMISE}/obligations.py",
        "condition always false",
        "if requirement.rule is Rule.NONE:",
    ): "what is not required has a status of its own, whatever shipped",
    (
        f"{_PROMISE}/obligations.py",
        "Gt → GtE",
        "unsure = [deploys[last] > deploys[first] for first, last in UNKNOWN_TIMES.items()]",
    ): _FASTER,
    (
        f"{_PROMISE}/stub_schema.py",
        "raise in _instant",
        'raise ValueError("expected an ISO instant such as 2026-12-31T00:00:00Z, or a date")  # noq',
    ): "pydantic then refuses the missing time with the same sentence",
    (
        "flowjoy/pipeline/proposal_terms.py",
        "LtE → Lt",
        "if given is None or (earliest is not None and given <= earliest):",
    ): "where both are the same day, either is returned",
}
