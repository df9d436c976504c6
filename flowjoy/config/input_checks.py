"""The checks of inputs that depend on each other, and on the context of the run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from flowjoy.actions.context import ActionsContext
from flowjoy.config import registry_address
from flowjoy.config.inputs import Inputs
from flowjoy.config.registry_address import RegistryVariables
from flowjoy.domain.name_patterns import any_match
from flowjoy.errors import InputProblem


def combination_problems(
    inputs: Inputs, registry: RegistryVariables, context: ActionsContext
) -> Iterator[InputProblem]:
    """Yield a problem for each combination of inputs that cannot work. An input that is wrong by itself is None."""
    yield from _github(inputs, context)
    yield from _code(inputs)
    yield from _own_workflow(inputs, context)
    yield from _files(inputs)
    if inputs.incident_label is not None and (inputs.github_token is None or not context.repository):
        yield InputProblem("incident-label", "expected github-token and GITHUB_REPOSITORY beside it")
    yield from _drift(inputs)
    yield from _slack(inputs)
    yield from _output_dir(inputs)
    yield from _ship(inputs)
    yield from _registry(inputs, registry, context.workspace)


def _github(inputs: Inputs, context: ActionsContext) -> Iterator[InputProblem]:
    if not inputs.service:
        yield InputProblem("service", "expected a name, because GITHUB_REPOSITORY, the default, is not set")
    if inputs.reads_github and not context.repository:
        text = "expected GITHUB_REPOSITORY to name owner/name"
        yield InputProblem("code-source", text, value=inputs.code_source)
    if inputs.reads_github and inputs.github_token is None:
        text = "expected a token that reads the repository, such as ${{ github.token }}"
        yield InputProblem("github-token", text)


def _code(inputs: Inputs) -> Iterator[InputProblem]:
    if inputs.code_source == "workflow-runs" and inputs.workflow is None:
        yield InputProblem("workflow", "expected the file name of the release workflow, such as release.yml")
    for name, value, source in (
        ("deploy-job", inputs.deploy_job, "workflow-runs"),
        ("release-tags", inputs.release_tags, "releases"),
    ):
        if value and inputs.code_source != source:
            yield InputProblem(name, f"expected code-source {source}, the only one that it applies to")


def _own_workflow(inputs: Inputs, context: ActionsContext) -> Iterator[InputProblem]:
    """Yield a problem where the result of this run decides whether its own workflow run counts as a release.

    A run that fails makes its workflow run a failure: the release would not count, and its breach would vanish. A run
    that judges a proposal, or the past, does not belong to a release.
    """
    proposes = context.event_name.startswith("pull_request") or context.event_name == "merge_group"
    is_own = inputs.code_source == "workflow-runs" and inputs.workflow is not None
    if not is_own or inputs.workflow != context.workflow or proposes or inputs.as_of is not None:
        return
    cure = "a red FlowJoy would hide the release. Keep FlowJoy in a job of its own"
    if not inputs.deploy_job:
        text = f"expected the job that deploys, because {inputs.workflow} runs FlowJoy too: {cure}"
        yield InputProblem("deploy-job", text)
    elif context.job is not None and any_match(context.job, inputs.deploy_job):
        text = f"expected a job other than {context.job!r}, because that one runs FlowJoy: {cure}"
        yield InputProblem("deploy-job", text)


def _files(inputs: Inputs) -> Iterator[InputProblem]:
    for name, source, path in (
        ("code-file", inputs.code_source, inputs.code_file),
        ("model-file", inputs.model_source, inputs.model_file),
    ):
        if source == "file" and path is None:
            yield InputProblem(name, f"expected the path of a file, because {name[:-5]}-source is file")
        if path is not None and path == inputs.incident_file:
            yield InputProblem("incident-file", f"expected another file than that of {name}")
    if inputs.model_source == "file" and inputs.model_signal not in (None, "registered"):
        yield InputProblem(
            "model-signal",
            f"expected model-source mlflow beside {inputs.model_signal!r}, because a file has no "
            "aliases, stages or tags: its `ts` says when a version shipped",
        )


def _drift(inputs: Inputs) -> Iterator[InputProblem]:
    if inputs.drift_live is None:
        if inputs.drift_reference is not None:
            text = "expected the sample of live data, because drift-reference is set"
            yield InputProblem("drift-live", text)
        return
    if inputs.drift_model is None:
        text = "expected the model that the samples belong to, because `models` does not name exactly one"
        yield InputProblem("drift-model", text)
    if inputs.drift_reference is None and inputs.registry_uri is None:
        text = "expected a sample of the training data, because no registry is read"
        yield InputProblem("drift-reference", text)


def _slack(inputs: Inputs) -> Iterator[InputProblem]:
    if inputs.slack_token is not None and inputs.slack_channel is None:
        text = "expected the channel for the bot's messages, because slack-token is set"
        yield InputProblem("slack-channel", text)
    if inputs.slack_channel is not None and inputs.slack_token is None:
        yield InputProblem("slack-token", "expected a bot token, because slack-channel is set")
    if inputs.slack_token is not None and inputs.slack_webhook_url is not None:
        text = "expected either this or slack-token, because with both every alert would be sent twice"
        yield InputProblem("slack-webhook-url", text)


def _output_dir(inputs: Inputs) -> Iterator[InputProblem]:
    """Yield a problem where the report could overwrite other files."""
    if inputs.output_dir is None:  # wrong by itself
        return
    for name in ("code-file", "model-file", "incident-file", "drift-reference", "drift-live"):
        path: Path | None = getattr(inputs, name.replace("-", "_"))
        if path is not None and path.parent == inputs.output_dir:
            text = f"expected another folder than that of {name}, which must not be overwritten"
            yield InputProblem("output-dir", text)
    if {".git", ".github"} & set(inputs.output_dir.parts):
        yield InputProblem("output-dir", "expected a folder other than .git and .github")


def _ship(inputs: Inputs) -> Iterator[InputProblem]:
    if inputs.ship is not None and inputs.as_of is not None:
        yield InputProblem("ship", "expected no as-of beside it, because a dry run writes nothing")
    if inputs.ship is not None and inputs.model_source != "mlflow":
        yield InputProblem("ship", "expected model-source mlflow, because only a registry records ships")


def _registry(inputs: Inputs, registry: RegistryVariables, workspace: Path) -> Iterator[InputProblem]:
    uri = inputs.registry_uri
    yield from registry_address.certificate_problems(registry, workspace)
    yield from registry_address.signal_problems(uri, inputs.model_signal or "", ships=inputs.ship is not None)
    if uri and registry_address.is_unencrypted(uri) and registry.credentials and not inputs.mlflow_allow_http:
        text = (
            "expected https, because credentials are set and http would send them unencrypted "
            "(for an internal address, set mlflow-allow-http to true)"
        )
        yield InputProblem("mlflow-tracking-uri", text)
