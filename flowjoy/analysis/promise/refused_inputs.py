"""Refuses a run that cannot be compared with the last trusted one.

It reads code or model versions from another source, or writes the checks of another service.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from flowjoy.domain.bundle import RunParameters


def refused_check(
    asked: RunParameters, trusted: Sequence[RunParameters], base: frozenset[str], *, service: str
) -> tuple[str, ...]:
    """Return a refusal if a proposal names its checks as no trusted run of its service does: another service may.

    `base`: the names in the base branch's workflow files.
    """
    known = {one.check_name for one in trusted if one.check_name} | base
    if not known or asked.check_name in known:
        return ()
    names = ", ".join(map(repr, sorted(known)))
    text = (
        f"check-name {asked.check_name!r}: the default branch names the checks of {service!r} {names}, and "
        "a check of another name may be required of another service. Keep the input until this is merged, and change "
        "it in a pull request that an administrator merges"
    )
    return (text,)


def refused_sources(asked: RunParameters, trusted: Sequence[RunParameters], *, code_inputs: str) -> Iterator[str]:
    """Yield a refusal for each source that no trusted run reads: a registry of its own would say what it is asked.

    `code_inputs`: the inputs that decide which deployments are read.
    """
    if asked.code_source not in {one.code_source for one in trusted}:
        yield _of_other_source("deployments", code_inputs)
    if asked.model_source not in {one.model_source for one in trusted}:
        yield _of_other_source("model versions", "mlflow-tracking-uri" if asked.model_source else "model-source")


def _of_other_source(what: str, inputs: str) -> str:
    return (
        f"{inputs}: this run reads {what} from another source than the last trusted run of the default branch, so it "
        "could not be compared. Keep the input until this is merged, and change it in a pull request that an "
        "administrator merges; if the default branch has changed it already, run FlowJoy there once"
    )
