"""The inputs as one value: precedence, every mistake at once, and nothing secret in a message."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowjoy.actions.context import read_context
from flowjoy.config.inputs import declared
from flowjoy.config.registry_address import is_unencrypted, variables_in
from flowjoy.config.settings import Settings, read_settings
from flowjoy.domain.secret import Secret
from flowjoy.errors import InputError
from tests.builders import a_runner, an_environment, some_settings

CANARY = "canary-hunter2"


def problems_of(workspace: Path, **inputs: str) -> tuple[str, ...]:
    """Return every message of the refusal."""
    with pytest.raises(InputError) as refusal:
        some_settings(workspace, **inputs)
    assert refusal.value.exit_code == 2
    return refusal.value.problems


def test_settings__the_smallest_step_takes_every_default(tmp_path: Path) -> None:
    settings = some_settings(tmp_path)
    assert (settings.service, settings.code_source, settings.environment) == ("shop", "deployments", ("production",))
    assert (settings.sla_hours, settings.incident_match_hours, settings.sla_target) == (48.0, 24.0, 95.0)
    assert (settings.weeks, settings.timeout_seconds, settings.timezone) == (12, 120, "UTC")
    assert (settings.divergence_percent, settings.model_signal, settings.model_stub) == (
        50.0,
        "registered",
        "flowjoy.json",
    )
    assert (settings.models, settings.flag_paths, settings.as_of, settings.sla_since) == ((), (), None, None)
    assert settings.enforce is True
    assert settings.output_dir == tmp_path.resolve() / "flowjoy-report"


def test_settings__every_declared_input_is_a_field_and_every_field_an_input(tmp_path: Path) -> None:
    assert [*(item.field for item in declared(tmp_path)), "registry"] == [item.name for item in fields(Settings)]


def test_settings__every_default_is_a_value_that_its_own_input_accepts(tmp_path: Path) -> None:
    for item in declared(tmp_path):
        if item.default and item.name != "github-token":
            item.parse(item.default)


def test_settings__an_input_arrives_upper_cased_with_its_hyphens(tmp_path: Path) -> None:
    environ = {**an_environment(tmp_path), "INPUT_SLA-HOURS": "24", "INPUT_SLA_HOURS": "7"}
    assert read_settings(environ, [], a_runner(tmp_path)).sla_hours == 24


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("code-source", "releases"), ("code-source", "deployments"), ("model-source", "mlflow"), ("sla-hours", "8760"),
        ("sla-target", "100"), ("incident-match-hours", "0.5"), ("weeks", "1"), ("weeks", "104"),
        ("timeout-seconds", "10"), ("timeout-seconds", "3600"), ("divergence-percent", "100"),
        ("divergence-percent", "0.5"), ("incident-titles", "auto"), ("incident-titles", "always"),
        ("incident-titles", "never"), ("comment", "changes"), ("comment", "always"), ("comment", "off"),
        ("as-of", "2024-06-24T00:00:00Z"), ("timezone", "Europe/Berlin"), ("enforce", "false"),
    ],
)  # fmt: skip
def test_settings__the_edges_and_options_that_the_documents_name_are_accepted(
    tmp_path: Path, name: str, value: str
) -> None:
    field = name.replace("-", "_")
    value_of_field = getattr(some_settings(tmp_path, **{field: value}), field)
    assert str(value_of_field).lower() in (value.lower(), f"{value}.0", "2024-06-24 00:00:00+00:00")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("timeout-seconds", "9"),
        ("timeout-seconds", "3601"),
        ("divergence-percent", "0"),
        ("divergence-percent", "100.1"),
        ("sla-target", "0"),
        ("sla-target", "100.1"),
        ("weeks", "0"),
        ("weeks", "105"),
        ("sla-hours", "8760.1"),
    ],
)
def test_settings__just_outside_of_an_edge_is_refused(tmp_path: Path, name: str, value: str) -> None:
    (message,) = problems_of(tmp_path, **{name.replace("-", "_"): value})
    assert message.startswith(f"{name} {value!r}: expected a ")


def test_settings__defaults_that_people_see_on_github(tmp_path: Path) -> None:
    settings = some_settings(tmp_path)
    assert (settings.check_name, settings.flag_label, settings.comment) == ("FlowJoy", "feature-flag", "changes")
    assert (settings.incident_titles, settings.model_source) == ("auto", "mlflow")


@pytest.mark.parametrize("empty", ["", " ", "\n\t"])
def test_settings__an_empty_value_means_not_given(tmp_path: Path, empty: str) -> None:
    settings = some_settings(tmp_path, sla_hours=empty, service=empty, models=empty, as_of=empty)
    assert (settings.sla_hours, settings.service, settings.models, settings.as_of) == (48.0, "shop", (), None)


def test_settings__blanks_around_a_value_are_dropped(tmp_path: Path) -> None:
    assert some_settings(tmp_path, sla_hours=" 24\n").sla_hours == 24


def test_settings__a_flag_wins_over_the_environment(tmp_path: Path) -> None:
    assert some_settings(tmp_path, ["--sla-hours", "12"], sla_hours="24").sla_hours == 12


def test_settings__an_empty_flag_is_not_given_and_the_environment_serves(tmp_path: Path) -> None:
    assert some_settings(tmp_path, ["--sla-hours", ""], sla_hours="24").sla_hours == 24


def test_settings__help_lists_every_flag_with_its_meaning_and_default(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        some_settings(tmp_path, ["--help"])
    assert end.value.code == 0
    text = "".join(capsys.readouterr().out.split())  # argparse breaks lines also at hyphens
    assert text.startswith("usage:python-mflowjoyrun[")
    for item in declared(tmp_path):
        shown = f" (default {item.default})" if item.default and item.name != "github-token" else ""
        assert "".join(f"--{item.name} VALUE {item.meaning}{shown}".split()) in text


# That a slip in `with:` is only a warning of the runner, which goes unnoticed: wntrblm/nox#632.
@pytest.mark.parametrize(
    ("variable", "message"),
    [
        ("INPUT_MODEL", "model: unknown input. Did you mean models?"),
        ("INPUT_MODELSTUB", "modelstub: unknown input. Did you mean model-stub?"),
        ("INPUT_SLA_HOURS", "sla_hours: unknown input. Did you mean sla-hours?"),
        ("INPUT_ENFORCED", "enforced: unknown input. Did you mean enforce?"),
        ("INPUT_MLFLOW-URI", "mlflow-uri: unknown input. Did you mean mlflow-tracking-uri?"),
        ("INPUT_DRY-RUN", "dry-run: unknown input. Remove it"),
    ],
)
def test_settings__an_input_that_does_not_exist_names_the_nearest(tmp_path: Path, variable: str, message: str) -> None:
    environ = {**an_environment(tmp_path), variable: "48"}
    with pytest.raises(InputError) as refusal:
        read_settings(environ, [], a_runner(tmp_path))
    (sentence,) = refusal.value.problems
    assert sentence.startswith(message)


def test_settings__inputs_that_do_not_exist_are_named_at_once_with_those_that_are_wrong(tmp_path: Path) -> None:
    environ = {**an_environment(tmp_path, weeks="0"), "INPUT_MODEL": "recommender", "INPUT_SERVISE": CANARY}
    with pytest.raises(InputError) as refusal:
        read_settings(environ, ["--model", CANARY, "--wekks=3"], a_runner(tmp_path))
    assert [sentence.split(":")[0] for sentence in refusal.value.problems] == [
        "--model", "--wekks", "model", "servise", "weeks '0'",
    ]  # fmt: skip
    assert CANARY not in str(refusal.value)


@pytest.mark.parametrize("variable", ["INPUT_ARGS", "INPUT_ENTRYPOINT"])
def test_settings__what_github_itself_takes_for_a_container_is_no_mistake(tmp_path: Path, variable: str) -> None:
    assert read_settings({**an_environment(tmp_path), variable: "x"}, [], a_runner(tmp_path)).weeks == 12


# Runners that hand the inputs of an enclosing composite action on: nektos/act#2874.
@pytest.mark.parametrize("runner", ["ACT", "GITEA_ACTIONS", "FORGEJO_ACTIONS"])
def test_settings__inputs_of_an_enclosing_action_are_passed_by_and_slips_are_not(tmp_path: Path, runner: str) -> None:
    environ = {**an_environment(tmp_path), runner: "true", "INPUT_DRY-RUN": "x"}
    assert read_settings(environ, [], a_runner(tmp_path)).weeks == 12
    with pytest.raises(InputError):
        read_settings({**environ, "INPUT_MODEL": "recommender"}, [], a_runner(tmp_path))


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--sla-ours", "12"], "--sla-ours: unknown flag. Did you mean --sla-hours?"),
        (["--model", "recommender"], "--model: unknown flag. Did you mean --models?"),
        (["--week=3"], "--week: unknown flag. Did you mean --weeks?"),
        (["--models"], "--models: expected a value after it"),
        (["recommender"], "command line: expected flags with values, not an argument without a flag"),
    ],
)
def test_settings__an_unknown_flag_names_the_nearest_and_none_is_abbreviated(
    tmp_path: Path, argv: list[str], message: str
) -> None:
    with pytest.raises(InputError) as refusal:
        some_settings(tmp_path, argv)
    assert refusal.value.problems == (message,)


def test_settings__the_registry_and_the_token_may_come_from_their_usual_variables(tmp_path: Path) -> None:
    environ = {
        **an_environment(tmp_path, github_token=""),
        "GITHUB_TOKEN": "from-the-shell",
        "MLFLOW_TRACKING_URI": "https://mlflow.example",
    }
    settings = read_settings(environ, [], a_runner(tmp_path))
    assert settings.github_token is not None
    assert settings.github_token.reveal() == "from-the-shell"
    assert settings.mlflow_tracking_uri == "https://mlflow.example"


def test_settings__all_mistakes_are_reported_at_once_each_with_input_value_and_what_is_right(tmp_path: Path) -> None:
    messages = problems_of(
        tmp_path, sla_hours="two days", weeks="0", code_source="jenkins", timezone="Mars/Phobos", enforce="yes"
    )
    assert list(messages) == [
        "code-source 'jenkins': expected one of deployments, workflow-runs, releases, file",
        "sla-hours 'two days': expected a number above 0 and up to 8760",
        "enforce 'yes': expected true or false",
        "weeks '0': expected a whole number from 1 to 104",
        "timezone 'Mars/Phobos': expected an IANA time zone such as UTC or Europe/Berlin",
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sla-hours", "0"), ("sla-since", "monday"), ("sla-target", "101"), ("as-of", "2024-06-24"), ("weeks", "105"),
        ("timeout-seconds", "9"), ("models", "a'b"), ("model-source", "wandb"), ("model-signal", "live"),
        ("model-stub", "../x"), ("ship", "recommender"), ("incident-match-hours", "-1"), ("divergence-percent", "x"),
        ("flag-paths", "a\tb"), ("model-validated-tag", "x"), ("incident-titles", "maybe"), ("comment", "on"),
        ("code-source", "git"), ("timezone", "CEST+1"), ("enforce", "1"), ("service", "a\nb"), ("output-dir", "../out"),
        ("mlflow-tracking-uri", "mlflow:5000"), ("code-file", "/etc/passwd"), ("model-file", "../m"),
        ("incident-file", "../i"), ("environment", "a\rb"), ("workflow", "a\0b"), ("branch", "a\nb"),
        ("flag-label", "a\nb"), ("check-name", "a\nb"),
    ],
)  # fmt: skip
def test_settings__each_wrong_input_is_named_once_with_its_value(tmp_path: Path, name: str, value: str) -> None:
    (message,) = problems_of(tmp_path, **{name.replace("-", "_"): value}, **_also(name))
    assert message.startswith(f"{name} {value!r}: expected ")


def _also(name: str) -> dict[str, str]:
    """Return the inputs that this one needs to matter, so that a second message would show."""
    if name in ("code-file", "model-file"):
        return {f"{name[:-5]}_source": "file"}
    return {}


def test_settings__every_input_can_be_wrong_at_once_without_a_crash(tmp_path: Path) -> None:
    wrong = {item.field: "\0" for item in declared(tmp_path)}
    messages = problems_of(tmp_path, **wrong)
    for item in declared(tmp_path):
        assert sum(sentence.startswith((f"{item.name} ", f"{item.name}:")) for sentence in messages) == 1, item.name


@given(
    st.dictionaries(st.sampled_from([item.name for item in declared(Path("/tmp"))]), st.text(max_size=20), max_size=5)
)
def test_settings__any_values_are_settings_or_named_problems(given_inputs: dict[str, str]) -> None:
    workspace = Path("/tmp/flowjoy-nowhere")
    try:
        some_settings(workspace, **{name.replace("-", "_"): value for name, value in given_inputs.items()})
    except InputError as refusal:
        names = {item.name for item in declared(workspace)}
        assert all(sentence.split(" ")[0].split(":")[0] in names for sentence in refusal.problems)  # noqa: PT017  (either way out is right)


def test_settings__a_wrong_token_is_never_echoed(tmp_path: Path) -> None:
    messages = problems_of(tmp_path, github_token=f"{CANARY}\n{CANARY}")
    assert messages == ("github-token: expected a token without line breaks",)


@pytest.mark.parametrize(
    "uri",
    [
        f"https://user:{CANARY}@mlflow.example",
        f"postgresql://user:{CANARY}@db/mlflow",
        f"https://{CANARY}@mlflow.example",
        f"user:{CANARY}@mlflow.example",
        f"https://user:p@{CANARY}@mlflow.example",
        f"https://mlflow.example/?token={CANARY}",
    ],
)
@pytest.mark.parametrize("by_input", [True, False])
def test_settings__credentials_in_the_tracking_uri_are_refused_and_not_echoed(
    tmp_path: Path,
    uri: str,
    by_input: bool,  # noqa: FBT001  (parametrised)
) -> None:
    environ = an_environment(tmp_path, models="recommender", mlflow_tracking_uri=uri if by_input else "")
    with pytest.raises(InputError) as refusal:
        read_settings({**environ, "MLFLOW_TRACKING_URI": uri}, [], a_runner(tmp_path))
    (message,) = refusal.value.problems
    assert message.startswith("mlflow-tracking-uri ")
    assert CANARY not in message


def test_settings__a_long_wrong_value_is_cut(tmp_path: Path) -> None:
    (message,) = problems_of(tmp_path, sla_hours="9" * 5000)
    assert len(message) < 200


def test_settings__repr_hides_the_token_and_the_secrets_list_it(tmp_path: Path) -> None:
    settings = some_settings(tmp_path, github_token=CANARY)
    assert CANARY not in repr(settings)
    assert [secret.reveal() for secret in settings.secrets] == [CANARY]


@pytest.mark.parametrize("path", ["../../etc/passwd", "/etc/passwd"])
@pytest.mark.parametrize("name", ["code-file", "model-file", "incident-file", "output-dir"])
def test_settings__a_path_outside_the_workspace_is_refused_without_its_content(
    tmp_path: Path, name: str, path: str
) -> None:
    (message,) = problems_of(tmp_path, **{name.replace("-", "_"): path})
    assert message == f"{name} {path!r}: expected a path inside the workspace"


@pytest.mark.parametrize("uri", ["file:///mlruns", "mlflow.example:5000", "mlruns"])
def test_settings__a_registry_that_cannot_be_one_is_refused_naming_the_input(tmp_path: Path, uri: str) -> None:
    (message,) = problems_of(tmp_path, models="recommender", mlflow_tracking_uri=uri)
    assert message.startswith("mlflow-tracking-uri")


@pytest.mark.parametrize("variable", ["MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN", "DATABRICKS_TOKEN"])
def test_settings__credentials_do_not_travel_over_plain_http(tmp_path: Path, variable: str) -> None:
    environ = {**an_environment(tmp_path, mlflow_tracking_uri="http://mlflow.example"), variable: CANARY}
    with pytest.raises(InputError, match="mlflow-tracking-uri: expected https") as refusal:
        read_settings(environ, [], read_context(environ))
    assert CANARY not in str(refusal.value)


def test_settings__credentials_travel_over_plain_http_where_an_input_allows_it(tmp_path: Path) -> None:
    """mlflow/mlflow#1825: an internal address with basic auth, on runners of one's own."""
    given = {"mlflow_tracking_uri": "http://mlflow.example", "mlflow_allow_http": "true"}
    environ = {**an_environment(tmp_path, **given), "MLFLOW_TRACKING_PASSWORD": CANARY}
    assert read_settings(environ, [], read_context(environ)).mlflow_allow_http


def test_settings__an_open_catalog_over_plain_http_is_in_the_clear_as_well(tmp_path: Path) -> None:
    environ = {
        **an_environment(tmp_path, mlflow_tracking_uri="uc:http://catalog.example"),
        "MLFLOW_UC_OSS_TOKEN": CANARY,
    }
    with pytest.raises(InputError, match=r"mlflow-tracking-uri: expected https.*set mlflow-allow-http to true"):
        read_settings(environ, [], read_context(environ))


CERTIFICATES = ["MLFLOW_TRACKING_SERVER_CERT_PATH", "MLFLOW_TRACKING_CLIENT_CERT_PATH", "REQUESTS_CA_BUNDLE"]


@pytest.mark.parametrize("variable", CERTIFICATES)
def test_settings__a_certificate_outside_the_container_is_named_with_the_cure(tmp_path: Path, variable: str) -> None:
    environ = {**an_environment(tmp_path), variable: "/etc/ssl/certs/acme.pem"}
    with pytest.raises(
        InputError, match=f"{variable} '/etc/ssl/certs/acme.pem': not found in the container"
    ) as refusal:
        read_settings(environ, [], read_context(environ))
    assert "which sees only the workspace" in str(refusal.value)
    (tmp_path / "acme.pem").touch()
    environ[variable] = "acme.pem"
    assert read_settings(environ, [], read_context(environ))


def test_settings__a_certificate_and_no_check_of_it_contradict_each_other(tmp_path: Path) -> None:
    (tmp_path / "acme.pem").touch()
    both = {"MLFLOW_TRACKING_SERVER_CERT_PATH": "acme.pem", "MLFLOW_TRACKING_INSECURE_TLS": "true"}
    environ = {**an_environment(tmp_path), **both}
    with pytest.raises(InputError, match="MLFLOW_TRACKING_INSECURE_TLS: expected no MLFLOW_TRACKING_SERVER_CERT_PATH"):
        read_settings(environ, [], read_context(environ))


@pytest.mark.parametrize(
    ("uri", "inputs", "right"),
    [
        ("databricks-uc", {"model_signal": "stage:Production"}, "expected alias:<name>, because a Unity Catalog"),
        ("uc:https://catalog.example", {"model_signal": "alias:champion"}, "expected `registered` and no `ship`"),
        ("uc:https://catalog.example", {"ship": "a.b.c=1"}, "expected `registered` and no `ship`"),
    ],
)
def test_settings__signals_that_a_catalog_does_not_keep_are_refused(
    tmp_path: Path, uri: str, inputs: dict[str, str], right: str
) -> None:
    (message,) = problems_of(tmp_path, mlflow_tracking_uri=uri, **inputs)
    assert right in message


def test_settings__plain_http_without_credentials_is_allowed_and_known_to_be_readable(tmp_path: Path) -> None:
    settings = some_settings(tmp_path, mlflow_tracking_uri="http://mlflow.example")
    assert settings.mlflow_tracking_uri is not None
    assert is_unencrypted(settings.mlflow_tracking_uri)


@pytest.mark.parametrize(
    "uri", ["http://127.0.0.1:5000", "http://localhost:5000", "https://mlflow.example", "databricks"]
)
def test_settings__loopback_https_and_databricks_are_not_in_the_clear(uri: str) -> None:
    assert not is_unencrypted(uri)


def test_settings__loopback_may_carry_credentials(tmp_path: Path) -> None:
    environ = {
        **an_environment(tmp_path, mlflow_tracking_uri="http://127.0.0.1:5000"),
        "MLFLOW_TRACKING_PASSWORD": CANARY,
    }
    assert read_settings(environ, [], read_context(environ)).mlflow_tracking_uri == "http://127.0.0.1:5000"


@pytest.mark.parametrize(
    ("inputs", "named"),
    [
        ({"code_source": "file"}, "code-file: expected the path of a file"),
        ({"model_source": "file"}, "model-file: expected the path of a file"),
        ({"code_source": "workflow-runs"}, "workflow: expected the file name"),
        ({"github_token": ""}, "github-token: expected a token"),
        (
            {"ship": "a=1", "as_of": "2024-06-24T00:00:00Z", "mlflow_tracking_uri": "databricks"},
            "ship: expected no as-of",
        ),
        ({"ship": "a=1", "model_source": "file", "model_file": "m.csv"}, "ship: expected model-source mlflow"),
        (
            {"model_signal": "alias:production", "model_source": "file", "model_file": "m.csv"},
            "model-signal: expected model-source mlflow beside 'alias:production'",
        ),
        (
            {"model_signal": "tag:x", "model_source": "file", "model_file": "m.csv"},
            "model-signal: expected model-source mlflow beside 'tag:x'",
        ),
        (
            {"model_source": "file", "model_file": "m.csv", "incident_file": "./m.csv"},
            "incident-file: expected another file than that of model-file",
        ),
        ({"code_file": "c.csv", "incident_file": "c.csv"}, "incident-file: expected another file than that of code"),
    ],
)  # fmt: skip
def test_settings__what_two_inputs_say_together_is_checked(tmp_path: Path, inputs: dict[str, str], named: str) -> None:
    (message,) = problems_of(tmp_path, **inputs)
    assert message.startswith(named)


@pytest.mark.parametrize("name", ["code-file", "model-file", "incident-file"])
def test_settings__the_report_overwrites_nobody_s_file(tmp_path: Path, name: str) -> None:
    (message,) = problems_of(tmp_path, output_dir="data", **{name.replace("-", "_"): "data/deploys.csv"})
    assert message.startswith(f"output-dir: expected another folder than that of {name}")
    some_settings(tmp_path, output_dir="data/report", **{name.replace("-", "_"): "data/deploys.csv"})


@pytest.mark.parametrize("folder", [".git", ".github/workflows", "x/.git/hooks"])
def test_settings__the_report_goes_into_no_folder_of_git(tmp_path: Path, folder: str) -> None:
    (message,) = problems_of(tmp_path, output_dir=folder)
    assert message == "output-dir: expected a folder other than .git and .github"


def test_settings__files_need_neither_repository_nor_token(tmp_path: Path) -> None:
    environ = {"INPUT_CODE-SOURCE": "file", "INPUT_CODE-FILE": "deploys.csv", "INPUT_SERVICE": "shop"}
    settings = read_settings(environ, [], read_context({"GITHUB_WORKSPACE": str(tmp_path)}))
    assert not settings.reads_github
    assert settings.code_file == tmp_path.resolve() / "deploys.csv"


def test_settings__without_a_repository_the_service_must_be_named(tmp_path: Path) -> None:
    environ = {"INPUT_CODE-SOURCE": "file", "INPUT_CODE-FILE": "deploys.csv"}
    with pytest.raises(InputError, match="service: expected a name"):
        read_settings(environ, [], read_context({"GITHUB_WORKSPACE": str(tmp_path)}))


def test_registry__credentials_of_the_registry_are_secrets() -> None:
    registry = variables_in({"MLFLOW_TRACKING_PASSWORD": CANARY, "MLFLOW_TRACKING_USERNAME": ""})
    assert [type(value) for value in registry.credentials] == [Secret]
    assert CANARY not in repr(registry)


@pytest.mark.parametrize("name", ["USERNAME", "PASSWORD", "TOKEN"])
def test_registry__each_credential_of_mlflow_is_hidden(name: str) -> None:
    registry = variables_in({f"MLFLOW_TRACKING_{name}": CANARY})
    assert [secret.reveal() for secret in registry.credentials] == [CANARY]


OWN = {"GITHUB_WORKFLOW_REF": "acme/shop/.github/workflows/release.yml@refs/heads/main", "GITHUB_JOB": "promise"}
RUNS = {"INPUT_CODE-SOURCE": "workflow-runs", "INPUT_WORKFLOW": "release.yml"}


def refusal_of_runs(workspace: Path, **variables: str) -> tuple[str, ...]:
    """Return every message of the refusal of a step that reads workflow runs; empty where it is accepted."""
    environ = {**an_environment(workspace), "GITHUB_EVENT_NAME": "push", **RUNS, **OWN, **variables}
    try:
        read_settings(environ, [], read_context(environ))
    except InputError as problem:
        return problem.problems
    return ()


def test_workflow__that_runs_flowjoy_itself_needs_the_job_that_deploys(tmp_path: Path) -> None:
    (problem,) = refusal_of_runs(tmp_path)
    assert "expected the job that deploys, because release.yml runs FlowJoy too" in problem
    assert "Keep FlowJoy in a job of its own" in problem
    assert refusal_of_runs(tmp_path, **{"INPUT_DEPLOY-JOB": "deploy"}) == ()


@pytest.mark.parametrize("deploy_job", ["promise", "deploy\nprom*", "*"])
def test_deploy_job__is_not_the_one_that_runs_flowjoy(tmp_path: Path, deploy_job: str) -> None:
    (problem,) = refusal_of_runs(tmp_path, **{"INPUT_DEPLOY-JOB": deploy_job})
    assert problem.startswith("deploy-job: expected a job other than 'promise', because that one runs FlowJoy")


@pytest.mark.parametrize(
    "variables",
    [
        {"GITHUB_WORKFLOW_REF": "acme/shop/.github/workflows/schedule.yml@refs/heads/main"},
        {"GITHUB_WORKFLOW_REF": ""},
        {"GITHUB_EVENT_NAME": "pull_request"},
        {"GITHUB_EVENT_NAME": "merge_group"},
        {"INPUT_AS-OF": "2026-03-01T00:00:00Z"},
    ],
)
def test_workflow__is_not_refused_to_a_run_that_is_part_of_no_release(
    tmp_path: Path, variables: dict[str, str]
) -> None:
    assert refusal_of_runs(tmp_path, **variables) == ()


@pytest.mark.parametrize("path", ["release.yml", ".github/workflows/release.yml", "./.github/workflows/release.yml"])
def test_workflow__is_known_by_its_file_name_or_its_path(tmp_path: Path, path: str) -> None:
    assert some_settings(tmp_path, code_source="workflow-runs", workflow=path).workflow == "release.yml"


def test_workflow__outside_of_the_folder_of_workflows_is_refused(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path, code_source="workflow-runs", workflow="ci/release.yml")
    assert problem.startswith("workflow 'ci/release.yml': expected the file name of a workflow in .github/workflows")
