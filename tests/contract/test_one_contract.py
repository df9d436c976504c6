"""action.yml, the settings class, the outputs, README.md and docs/ name the same things."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from flowjoy.analysis.alerts.lifecycle import REMIND_AFTER
from flowjoy.config.inputs import Inputs, declared
from flowjoy.config.option import Input
from flowjoy.domain import ParsedStub, UnreadableStub
from flowjoy.domain.alerts import AlertKind
from flowjoy.domain.bundle import REPORT_FILES
from flowjoy.report import step_outputs
from flowjoy.sinks import slack_bot
from tests.builders import a_stub_file

ROOT = Path(__file__).resolve().parents[2]
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text())
README = (ROOT / "README.md").read_text()
DOCS = {path.name: path.read_text() for path in sorted((ROOT / "docs").glob("*.md"))}
PROSE = {"README.md": README, **DOCS}
DOCKERFILE = (ROOT / "Dockerfile").read_text()
INPUTS: tuple[Input, ...] = declared(ROOT)


def tables(text: str) -> list[list[list[str]]]:
    """The tables of a Markdown text, each as rows of cells without its header."""
    blocks = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    rows = ([re.split(r"(?<!\\)\|", line.strip("|")) for line in block.splitlines()[2:]] for block in blocks)
    return [[[cell.strip().replace("\\|", "|") for cell in row] for row in block] for block in rows]


def table(section: str) -> list[list[str]]:
    """The rows of the one table in a section of docs/reference.md."""
    text = DOCS["reference.md"].partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    (only,) = tables(text)
    return only


def test_inputs__action_settings_and_reference_name_the_same_in_the_same_order() -> None:
    names = [item.name for item in INPUTS]
    assert list(ACTION["inputs"]) == names
    assert [field.name.replace("_", "-") for field in fields(Inputs)] == names
    assert [row[0].strip("`") for row in table("Inputs")] == names


def test_inputs__defaults_agree() -> None:
    for item, row in zip(INPUTS, table("Inputs"), strict=True):
        assert ACTION["inputs"][item.name]["default"] == item.default
        assert row[1].strip("`") == item.default


def test_inputs__every_default_is_a_value_that_its_parser_takes() -> None:
    for item in INPUTS:
        if item.default and "${{" not in item.default:
            item.parse(item.default)


def test_inputs__variables_keep_their_hyphens() -> None:
    assert {item.variable for item in INPUTS} >= {"INPUT_SLA-HOURS", "INPUT_MLFLOW-TRACKING-URI", "INPUT_AS-OF"}
    assert [item.variable for item in INPUTS] == [f"INPUT_{name.upper()}" for name in ACTION["inputs"]]


def test_inputs__none_is_required_so_that_the_minimal_step_is_enough() -> None:
    assert [item["required"] for item in ACTION["inputs"].values()] == [False] * len(INPUTS)


def test_outputs__action_code_and_reference_name_the_same() -> None:
    assert list(ACTION["outputs"]) == list(step_outputs.OUTPUTS)
    assert [row[0].strip("`") for row in table("Outputs")] == list(step_outputs.OUTPUTS)


def test_reference__names_every_alert_and_every_file() -> None:
    assert {row[0].strip("`") for row in table("Alerts")} == {kind.value for kind in AlertKind}
    assert {row[0].strip("`") for row in table("Files")} == REPORT_FILES


def test_alerts_page__names_every_alert_and_what_the_bot_needs() -> None:
    page = DOCS["alerts.md"]
    assert all(f"`{kind.value}`" in page for kind in AlertKind)
    assert all(f"`{scope}`" in page for scope in slack_bot.SCOPES)
    assert f"after {REMIND_AFTER.total_seconds() / 3600:g} hours" in page
    assert f"last {slack_bot.RECALLED.days} days" in page


def test_readme__is_short_and_its_common_inputs_and_outputs_are_as_declared() -> None:
    assert len(README.splitlines()) <= 150
    common, outputs = tables(README)
    defaults = {item.name: item.default for item in INPUTS}
    assert {row[0].strip("`"): row[1].strip("`") for row in common}.items() <= defaults.items()
    assert {row[0].strip("`") for row in outputs} <= set(step_outputs.OUTPUTS)
    assert (len(common), len(outputs)) == (12, 5)


def test_action__is_a_docker_action_that_describes_everything() -> None:
    assert ACTION["runs"] == {"using": "docker", "image": "Dockerfile"}
    assert all(item["description"] for part in ("inputs", "outputs") for item in ACTION[part].values())


def test_container__starts_isolated_from_the_workspace_and_without_a_shell() -> None:
    (entrypoint,) = re.findall(r"^ENTRYPOINT (.*)$", DOCKERFILE, re.MULTILINE)
    assert json.loads(entrypoint) == ["/venv/bin/python", "-I", "-u", "/app/entrypoint.py"]
    assert re.search(r"^(USER|CMD)\b", DOCKERFILE, re.MULTILINE) is None


def test_container__every_stage_stands_on_a_digest_and_every_package_on_a_hash() -> None:
    bases = re.findall(r"^FROM (\S+)(?: AS (\w+))?$", DOCKERFILE, re.MULTILINE)
    stages = {stage for _, stage in bases}
    foreign = [base for base, _ in bases if base not in stages]
    assert foreign
    assert all(re.fullmatch(r"python:3\.13-slim@sha256:[0-9a-f]{64}", base) for base in foreign)
    assert "--require-hashes" in DOCKERFILE


@pytest.mark.parametrize("page", PROSE)
def test_docs__name_only_inputs_and_outputs_that_exist(page: str) -> None:
    steps = re.findall(r"with:\n((?: {10}[\w-]+:.*\n)+)", PROSE[page])
    used = {line.split(":")[0].strip() for step in steps for line in step.splitlines()}
    assert used <= {item.name for item in INPUTS} | {"name", "path"}
    assert set(re.findall(r"outputs\.([\w-]+)", PROSE[page])) <= set(step_outputs.OUTPUTS)


def slug(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


LINKED = {
    **{f"docs/{name}": text for name, text in DOCS.items()},
    **{name: (ROOT / name).read_text() for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")},
}


@pytest.mark.parametrize("page", LINKED)
def test_docs__every_link_leads_to_a_file_and_a_heading(page: str) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", LINKED[page]):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        file = (ROOT / page).parent / path if path else ROOT / page
        assert file.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", file.read_text(), re.MULTILINE)
            assert anchor in {slug(heading) for heading in headings}, target


def test_readme__step_has_the_permissions_of_the_example() -> None:
    (step,) = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    example = yaml.safe_load((ROOT / "examples" / "release.yml").read_text())
    assert yaml.safe_load(step)["jobs"]["promise"]["permissions"] == example["jobs"]["promise"]["permissions"]


def test_examples__use_only_inputs_that_exist() -> None:
    for path in sorted((ROOT / "examples").glob("*.yml")):
        jobs = yaml.safe_load(path.read_text())["jobs"].values()
        for step in (step for job in jobs for step in job["steps"] if "flowjoy@" in step.get("uses", "")):
            assert set(step["with"]) <= {item.name for item in INPUTS}, path.name


def test_schema__that_ships_takes_the_documented_stub_and_so_does_the_parser() -> None:
    schema = json.loads((ROOT / "docs" / "flowjoy.schema.json").read_text())
    (example,) = re.findall(r"```json\n(.*?)```", DOCS["promise.md"], re.DOTALL)
    jsonschema.validate(json.loads(example), schema)
    stub = a_stub_file(example)
    assert isinstance(stub, ParsedStub)
    assert {str(item) for item in stub.requirements} == {">=12", "any", "none"}


@pytest.mark.parametrize(
    "bad",
    ['{"models": {"a": "none"}}', '{"models": {"a": 12}}', '{"models": {}, "x": 1}', "{}", '{"models": {"a": "0"}}'],
)
def test_schema__and_parser_refuse_the_same(bad: str) -> None:
    schema = json.loads((ROOT / "docs" / "flowjoy.schema.json").read_text())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(json.loads(bad), schema)
    assert isinstance(a_stub_file(bad), UnreadableStub)


def test_architecture__lists_the_import_contract_and_every_room() -> None:
    page = DOCS["architecture.md"]
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]["layers"]
    listed = re.findall(r"^\d\. (`.*`)$", page, re.MULTILINE)
    assert [set(re.findall(r"`(\w+)`", line)) for line in listed] == [
        set(re.findall(r"\w+", line)) for line in contract
    ]
    paths = re.findall(r"`(flowjoy/[\w/.]*)`", page)
    rooms = {f"flowjoy/{path.name}/" for path in (ROOT / "flowjoy").iterdir() if (path / "__init__.py").exists()}
    assert {room for room in rooms if room not in paths} == set()


@pytest.mark.parametrize("page", ["architecture.md", "adding-a-source-or-sink.md", "decisions.md", "CONTRIBUTING.md"])
def test_docs__name_only_modules_and_classes_that_exist(page: str) -> None:
    text = DOCS.get(page) or (ROOT / page).read_text()
    paths = re.findall(r"`((?:flowjoy|tests|scripts|benchmarks)/[\w/.]*(?:\.py|/))`", text)
    assert [path for path in paths if not (ROOT / path).exists()] == []
    code = "\n".join(path.read_text() for path in (ROOT / "flowjoy").rglob("*.py"))
    names = re.findall(r"`([A-Z][a-z]+[A-Z]\w+|[A-Z]+_[A-Z_]+)`", text)
    assert [name for name in names if not re.search(rf"\b{name}\b", code)] == []
