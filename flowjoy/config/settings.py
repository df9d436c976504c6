"""The settings of a run: every input, read from flags and environment variables and checked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flowjoy.actions.context import ActionsContext
from flowjoy.actions.own_source import own_text
from flowjoy.actions.redaction import Redactor
from flowjoy.config import address_parsers, given_inputs, registry_address, secret_variables
from flowjoy.config.input_checks import combination_problems
from flowjoy.config.inputs import Inputs, declared
from flowjoy.config.option import Input
from flowjoy.config.registry_address import RegistryVariables
from flowjoy.domain.secret import Secret
from flowjoy.errors import InputError, InputProblem

_SHOWN = 80
_LONGEST_ARTIFACT_NAME = 200


@dataclass(frozen=True, kw_only=True)
class Settings(Inputs):
    """The inputs, and the variables by which the registry is reached."""

    registry: RegistryVariables

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """Every credential among the inputs."""
        return tuple(value for value in vars(self).values() if isinstance(value, Secret))

    @property
    def public(self) -> tuple[str, ...]:
        """The texts that every reader of the workflow sees; without addresses, which may contain a credential."""
        lists = [value for value in vars(self).values() if isinstance(value, tuple)]
        texts = [*vars(self).values(), *(item for values in lists for item in values)]
        return tuple(str(text) for text in texts if isinstance(text, str | Path) and "://" not in str(text))


def read_settings(environ: Mapping[str, str], argv: Sequence[str], context: ActionsContext) -> Settings:
    """Return the settings: flags first, then `INPUT_…`, then defaults. Raise InputError with every problem."""
    known = declared(context.workspace)
    flags, unknown = given_inputs.flags(argv, known)
    unknown += given_inputs.unknown_variables(environ, known)
    values: dict[str, Any] = {}
    problems: dict[str, InputProblem] = {}
    for item in known:
        flag, variable = (str(value or "").strip() for value in (flags.get(item.field), environ.get(item.variable)))
        text = flag or variable or _default(item, environ, context, values)
        try:
            values[item.field] = item.parse(text) if text else item.empty
        except ValueError as expected:
            values[item.field] = None
            problems[item.name] = InputProblem(item.name, f"expected {expected}", value=_shown(item, text))
    settings = Settings(**values, registry=registry_address.variables_in(environ))
    # An input that is wrong by itself only looks like one that is not given: its combinations are not judged.
    combined = combination_problems(settings, settings.registry, context)
    together = [problem for problem in combined if problem.input not in problems]
    if unknown or problems or together:
        raise InputError(*unknown, *problems.values(), *together)
    return settings


def redactor(environ: Mapping[str, str], settings: Settings | None = None, given: Iterable[str] = ()) -> Redactor:
    """Return the redactor that hides every credential of the variables, of the inputs and of those `given`."""
    secrets = [*secret_variables.secrets_in(environ), *(() if settings is None else settings.secrets)]
    return Redactor(
        (*(secret.reveal() for secret in secrets), *given),
        names=[name.reveal() for name in secret_variables.user_names_in(environ)],
        public=[own_text(), environ.get("GITHUB_REPOSITORY", ""), *(() if settings is None else settings.public)],
    )


def credentials(environ: Mapping[str, str]) -> list[str]:
    """Return the text of every credential among the inputs, which is hidden before the inputs are read."""
    names = [item.variable for item in declared(Path()) if item.is_secret]
    return [environ[name].strip() for name in (*names, "GITHUB_TOKEN") if environ.get(name)]


def _artifact_name(service: str) -> str:
    """Return the default name of the artifact: `flowjoy-<service>`, without the characters that GitHub forbids."""
    return re.sub(r"[^\w.-]+", "-", f"flowjoy-{service}")[:_LONGEST_ARTIFACT_NAME]


def _shown(item: Input, text: str) -> str | None:
    """Return the part of a wrong value that may be shown: no credential, and of an address neither login nor query."""
    if item.is_secret:
        return None
    if item.parse is address_parsers.tracking_uri:
        text = text.partition("?")[0]
    return re.sub(r"^.*@", "***@", text, flags=re.DOTALL)[:_SHOWN]


def _default(item: Input, environ: Mapping[str, str], context: ActionsContext, values: Mapping[str, Any]) -> str:
    """Return the text that is used where an input is not given. `values` are those of the inputs before it."""
    if item.name == "service":
        return context.repository.rpartition("/")[2]
    if item.name == "artifact-name":
        return _artifact_name(values["service"] or "")
    if item.name == "drift-model" and len(values["models"] or ()) == 1:
        return str(values["models"][0])
    if item.name == "mlflow-tracking-uri":
        return environ.get("MLFLOW_TRACKING_URI", "")
    if item.name == "github-token":
        return environ.get("GITHUB_TOKEN", "")
    return item.default
