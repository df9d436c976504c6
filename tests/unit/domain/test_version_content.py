"""Which versions have the same content."""

from __future__ import annotations

import random

import pytest

from flowjoy.domain.version_content import Content, content_of, normal_source, repeats, same_content

RUN, OTHER = "f25e78a09fb941c5bdb9af7846f064b6", "0" * 32
LOGGED = f"m-{RUN}"


@pytest.mark.parametrize("source", [
    f"runs:/{RUN}/model",
    f"runs:///{RUN}/model/",
    f"/app/mlruns/1/{RUN}/artifacts/model",  # mlflow/mlflow#15831
    f"s3://bucket/mlflow/artifacts/1/{RUN}/artifacts/model/",  # mlflow/mlflow-export-import#165
    f"mlflow-artifacts:/1/{RUN}/artifacts/model",
    f"mlflow-artifacts://mlflow.example:5000/1/{RUN}/artifacts/model",
    f"dbfs:/databricks/mlflow-tracking/1/{RUN}/artifacts/model",
    f" file:///app/mlruns/1/{RUN}/artifacts/model ",
])  # fmt: skip
def test_source__of_a_run_is_the_same_wherever_it_is_stored(source: str) -> None:
    assert normal_source(source) == f"runs:/{RUN}/model"
    assert content_of(model_id=None, run_id=None, source=source).run_id == RUN


@pytest.mark.parametrize(("source", "normal"), [
    ("s3://models/frozen.bin/", "s3://models/frozen.bin"),
    ("S3://models/Frozen.bin", "s3://models/Frozen.bin"),
    ("dbfs:///models/x//", "dbfs:/models/x"),
    ("file:///models/x", "file:/models/x"),
    ("/models/x/", "/models/x"),
    ("https://ci:secret@models.example/x?sig=abc&sv=2024", "https://models.example/x"),
    ("https://models.example/x?version=3&X-Amz-Signature=1", "https://models.example/x?version=3"),
    ("abfss://models@account.dfs.core.windows.net/x", "abfss://models@account.dfs.core.windows.net/x"),
    ("models:/staging/5", "models:/staging/5"),
    ("runs:/own-1/artifacts", "runs:/own-1/artifacts"),
    ("", ""),
])  # fmt: skip
def test_source__has_one_spelling_without_passwords_and_signatures(source: str, normal: str) -> None:
    assert normal_source(source) == normal
    assert normal_source(normal) == normal


def test_source__names_a_run_of_any_form_where_it_is_the_versions_own() -> None:
    assert normal_source("s3://b/1/own-1/artifacts/model", run_id="own-1") == "runs:/own-1/model"
    assert normal_source("s3://b/1/own-1/artifacts/model") == "s3://b/1/own-1/artifacts/model"


@pytest.mark.parametrize("source", [f"models:/{LOGGED}", f"models:/{LOGGED}/", f"s3://b/1/models/{LOGGED}/artifacts"])
def test_logged_model__is_named_by_its_source(source: str) -> None:
    assert content_of(model_id=None, run_id=None, source=source).model_id == LOGGED
    assert content_of(model_id="m-1", run_id=None, source=source).model_id == "m-1"


@pytest.mark.parametrize("source", ["models:/staging/5", "models:/staging@champion", "s3://b/models/x", ""])
def test_logged_model__is_no_version_and_no_alias(source: str) -> None:
    assert content_of(model_id=None, run_id=None, source=source).model_id is None


def of(text: str) -> Content:
    """`m/r/s`: logged model, run and source; a dash where one is unknown."""
    model_id, run_id, source = (None if part == "-" else part for part in text.split("/"))
    return Content(model_id=model_id, run_id=run_id, source=source)


@pytest.mark.parametrize(("one", "other", "same"), [
    ("m/r/s", "m/q/t", True),
    ("m/r/s", "n/r/s", False),
    ("m/r/s", "-/r/s", True),
    ("m/r/s", "-/r/t", False),
    ("-/r/s", "-/r/s", True),
    ("-/r/s", "-/r/t", False),
    ("-/r/s", "-/q/s", False),
    ("-/r/s", "-/-/s", True),
    ("-/r/s", "-/r/-", True),
    ("-/-/s", "-/-/s", True),
    ("-/-/s", "-/-/t", False),
    ("-/r/-", "-/r/-", True),
    ("-/r/-", "-/-/s", False),
    ("-/-/-", "-/-/-", False),
    ("-/-/-", "-/r/s", False),
    ("m/-/-", "-/-/-", False),
])  # fmt: skip
def test_same__is_the_logged_model_else_run_and_source_as_far_as_they_are_known(
    one: str,
    other: str,
    same: bool,  # noqa: FBT001  (the expected value)
) -> None:
    assert same_content(of(one), of(other)) is same
    assert same_content(of(other), of(one)) is same


def test_repeats__are_judged_by_each_model_name_for_itself() -> None:
    assert repeats([("prod", of("-/r/s")), ("staging", of("-/r/s")), ("prod", of("-/r/s"))]) == [False, False, True]


def test_repeats__agree_with_comparing_each_pair() -> None:
    pick = random.Random(12)  # noqa: S311  (repeatable, not secret)
    for _ in range(300):
        shipped = [of(f"{pick.choice('--mn')}/{pick.choice('-rq')}/{pick.choice('-st')}") for _ in range(7)]
        pairs = [any(same_content(shipped[n], earlier) for earlier in shipped[:n]) for n in range(7)]
        assert repeats([("x", item) for item in shipped]) == pairs


def test_content__without_a_source_is_what_else_is_known() -> None:
    assert content_of(model_id="m-1", run_id="r1", source=None) == Content(model_id="m-1", run_id="r1")
    assert content_of(model_id="", run_id="", source=None) == Content()
