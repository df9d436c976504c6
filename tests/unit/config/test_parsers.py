"""How one input is read: each kind of value, its edges, and what a refusal says."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowjoy.config import address_parsers, list_parsers, parsers
from flowjoy.domain.alerts import AlertKind
from flowjoy.domain.hosts import base_url, is_loopback
from flowjoy.domain.secret import Secret

CANARY = "ghs_canary_0123456789"


def refusal(parse: Callable[[str], object], value: str) -> str:
    """Return the expectation that the refusal states."""
    try:
        read = parse(value)
    except ValueError as right:
        return str(right)
    pytest.fail(f"{value!r} was read as {read!r}")


def test_secret__neither_repr_nor_str_nor_format_shows_it() -> None:
    hidden = Secret(CANARY)
    for shown in (repr(hidden), str(hidden), f"{hidden}", f"{[hidden]}", "%s" % hidden):  # noqa: UP031  (each way out)
        assert CANARY not in shown
    assert hidden.reveal() == CANARY


def test_secret__a_refusal_does_not_show_it() -> None:
    assert refusal(parsers.secret, f"{CANARY}\nx") == "a token without line breaks"


@pytest.mark.parametrize("control", ["\n", "\r", "\0", "\x1b", "\x7f", "\u2028"])
def test_text__control_characters_are_refused(control: str) -> None:
    assert "without control characters" in refusal(parsers.text, f"a{control}b")


def test_text__255_characters_and_not_more() -> None:
    assert parsers.text("ü" * 255) == "ü" * 255
    assert refusal(parsers.text, "ü" * 256) == "at most 255 characters"


@pytest.mark.parametrize(("value", "read"), [("true", True), ("True", True), ("FALSE", False), ("false", False)])
def test_boolean__true_or_false_in_any_case(value: str, read: bool) -> None:  # noqa: FBT001  (the expected value)
    assert parsers.boolean(value) is read


@pytest.mark.parametrize("value", ["yes", "1", "on", "tru", "true false"])
def test_boolean__nothing_else(value: str) -> None:
    assert refusal(parsers.boolean, value) == "true or false"


def test_choice__a_refusal_names_every_option() -> None:
    assert refusal(parsers.choice("deployments", "releases"), "deploys") == "one of deployments, releases"
    assert parsers.choice("deployments", "releases")("releases") == "releases"


@pytest.mark.parametrize("value", ["1", "104", "0012"])
def test_integer__both_ends_belong(value: str) -> None:
    assert parsers.integer(1, 104)(value) == int(value)


@pytest.mark.parametrize("value", ["0", "105", "-1", "1.5", "1e2", "٣", "1_0", "", " 1", "9" * 30])
def test_integer__outside_or_not_an_integer_is_refused_naming_the_range(value: str) -> None:
    assert refusal(parsers.integer(1, 104), value) == "a whole number from 1 to 104"


@pytest.mark.parametrize("value", ["48", "0.5", "0.000000001", "8760", "8760.0"])
def test_number__over_the_low_end_up_to_the_high_end(value: str) -> None:
    assert parsers.number(0, 8760)(value) == float(value)


@pytest.mark.parametrize(
    "value", ["0", "0.0", "-1", "8760.1", "nan", "inf", "1e3", "٤٨", "48h", "48,5", ".5", "9" * 20]
)
def test_number__neither_zero_nor_infinity_nor_nan(value: str) -> None:
    assert refusal(parsers.number(0, 8760), value) == "a number above 0 and up to 8760"


def test_names__lines_and_commas_separate_and_each_counts_once() -> None:
    assert list_parsers.names("ranker, recommender\n\n ranker ,\ttoxicity\n") == ("ranker", "recommender", "toxicity")


_NAMES = st.text("abc-. /", min_size=1, max_size=5).map(str.strip).filter(lambda name: name and name[:2] != "- ")


@pytest.mark.parametrize(
    ("text", "cure"),
    [
        ("recommender=12", "pins belong in flowjoy.json"),
        ("recommender==1.2.0", "pins belong in flowjoy.json"),
        ("recommender >= 12", "pins belong in flowjoy.json"),
        ("ranker\nrecommender: 12", "pins belong in flowjoy.json"),
        ("- recommender", "the bare name 'recommender'"),
        ("ranker\n* recommender", "the bare name 'recommender'"),
        ("recommender # the one of the shop", "the bare name 'recommender'"),
    ],
)
def test_names__with_more_than_a_name_are_refused_with_the_bare_one(text: str, cure: str) -> None:
    assert cure in refusal(list_parsers.names, text)


@pytest.mark.parametrize("name", ["recommender-2", "recommender#2", "main.shop.recommender", "a=b", "-recommender"])
def test_names__that_only_resemble_a_pin_or_a_list_are_names(name: str) -> None:
    assert list_parsers.names(name) == (name,)


@given(st.lists(_NAMES, max_size=6), st.randoms())
def test_names__the_order_and_repetition_of_names_do_not_matter(models: list[str], chance: Any) -> None:
    shuffled = [*models, *models]
    chance.shuffle(shuffled)
    assert list_parsers.names(",".join(shuffled)) == list_parsers.names("\n".join(models)) == tuple(sorted(set(models)))


@pytest.mark.parametrize("quote", ["'", '"', "`"])
def test_names__a_quote_would_widen_the_registry_filter_and_is_refused(quote: str) -> None:
    assert "without quotes" in refusal(list_parsers.names, f"recommender{quote} OR name LIKE {quote}%")


def test_day__an_iso_date() -> None:
    assert parsers.day("2024-06-03") == date(2024, 6, 3)
    assert refusal(parsers.day, "03.06.2024") == "an ISO date such as 2024-06-03"


def test_instant__with_an_offset_only() -> None:
    assert parsers.timestamp("2024-06-24T02:00:00+02:00") == datetime(2024, 6, 24, tzinfo=UTC)
    assert "has no offset" in refusal(parsers.timestamp, "2024-06-24T00:00:00")


@pytest.mark.parametrize("value", ["UTC", "Europe/Berlin", "America/New_York"])
def test_zone__iana_names(value: str) -> None:
    assert parsers.zone(value) == value


@pytest.mark.parametrize("value", ["Mars/Phobos", "Europe", "../../etc/passwd", "/etc/passwd", "+02:00", "a" * 300])
def test_zone__anything_else_is_refused_with_an_example(value: str) -> None:
    assert refusal(parsers.zone, value) == "an IANA time zone such as UTC or Europe/Berlin"


@pytest.mark.parametrize("value", ["registered", "tag:deployed_at", "tag:ops/live.at"])
def test_signal__registered_or_a_tag(value: str) -> None:
    assert parsers.signal(value) == value


@pytest.mark.parametrize("value", ["Registered", "tag:", "tag:a\nb", "tag:a'b", "deployed"])
def test_signal__anything_else_is_refused_naming_what_there_is(value: str) -> None:
    assert "registered" in refusal(parsers.signal, value)
    assert "tag:<key>" in refusal(parsers.signal, value)


def test_globs__lines_and_commas_separate() -> None:
    assert list_parsers.globs("flags/*.yml, src/**/flag_*.py\nflags/*.yml") == ("flags/*.yml", "src/**/flag_*.py")


@pytest.mark.parametrize("value", ["config\\flags\\*", "!config/flags/**", "config/flags/", "/flags/*", "{a,b}/*"])
def test_globs__that_can_match_no_file_are_refused(value: str) -> None:
    assert "globs such as config/flags/**" in refusal(list_parsers.globs, value)


@pytest.mark.parametrize("value", ["flowjoy.json", "deploy/flowjoy.json", ".github/flowjoy.json"])
def test_repository_path__as_git_writes_it(value: str) -> None:
    assert parsers.repository_path(value) == value


@pytest.mark.parametrize("value", ["/flowjoy.json", "../flowjoy.json", "a/../b", "./a", "a//b", "a/", "a\\b", "HEAD:a"])
def test_repository_path__nothing_that_git_or_an_address_would_read_otherwise(value: str) -> None:
    assert refusal(parsers.repository_path, value) == "a path in the repository such as flowjoy.json"


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("recommender=12", ("recommender", "12")),
        ("a=b=3", ("a=b", "3")),
        ("my model=1", ("my model", "1")),
        ("recommender=1.2.0", ("recommender", "1.2.0")),
        ("recommender=v3", ("recommender", "v3")),
        ("recommender=2026.11.1", ("recommender", "2026.11.1")),
        ("recommender-1.2=v2.0.0-rc.1+build.5", ("recommender-1.2", "v2.0.0-rc.1+build.5")),
    ],
)
def test_shipment__model_and_version(value: str, read: tuple[str, str]) -> None:
    assert list_parsers.shipment(value) == read


@pytest.mark.parametrize(
    "value",
    [
        "recommender",
        "recommender=",
        "=12",
        "recommender=0",
        "recommender=version-12",
        "recommender=1..2",
        "a,b=1",
        " a=1",
    ],
)
def test_shipment__one_model_and_one_version(value: str) -> None:
    assert refusal(list_parsers.shipment, value) == "model=version, such as recommender=12 or recommender=1.2.0"


def test_key_value__both_sides_are_needed() -> None:
    assert parsers.key_value("integration=passed") == "integration=passed"
    assert parsers.key_value("a=b=c") == "a=b=c"
    for value in ("integration", "=passed", "integration=", " = "):
        assert refusal(parsers.key_value, value) == "key=value, such as integration=passed"


def test_inside__a_path_below_the_workspace_is_resolved(tmp_path: Path) -> None:
    assert parsers.inside(tmp_path)("data/../deploys.csv") == tmp_path.resolve() / "deploys.csv"


@pytest.mark.parametrize("value", ["../../etc/passwd", "/etc/passwd", "a/../../b", ".."])
def test_inside__a_path_outside_the_workspace_is_refused(tmp_path: Path, value: str) -> None:
    assert refusal(parsers.inside(tmp_path), value) == "a path inside the workspace"


def test_inside__a_link_that_leads_outside_is_refused(tmp_path: Path) -> None:
    (tmp_path / "deploys.csv").symlink_to("/etc/passwd")
    assert refusal(parsers.inside(tmp_path), "deploys.csv") == "a path inside the workspace"


def test_inside__links_in_a_circle_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    assert refusal(parsers.inside(tmp_path), "a") == "a path without a circle of links"


def test_inside__a_neighbour_whose_name_begins_alike_is_outside(tmp_path: Path) -> None:
    workspace = tmp_path / "work"
    workspace.mkdir()
    (tmp_path / "workshop").mkdir()
    assert refusal(parsers.inside(workspace), "../workshop/x") == "a path inside the workspace"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost", "api.localhost"])
def test_loopback__this_machine(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", [None, "", "10.0.0.1", "127.0.0.1.evil.example", "localhost.evil.example", "notlocalhost"]
)
def test_loopback__no_other_machine(host: str | None) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize("value", ["https://api.github.com", "https://ghe.example/api/v3", "http://127.0.0.1:8080"])
def test_base_url__https_or_loopback(value: str) -> None:
    assert base_url(value) == value
    assert base_url(f"{value}/") == value


@pytest.mark.parametrize(
    ("value", "right"),
    [
        ("http://ghe.example", "an https address"),
        ("ftp://ghe.example", "an https address"),
        ("ghe.example", "an address such as"),
        ("https://user:secret@ghe.example", "without credentials"),
        ("https://ghe.example/?a=b", "an address such as"),
        ("https://ghe.example/#top", "an address such as"),
        ("https://[ghe", "an address such as"),
        ("https://ghe.example:99999", "an address such as"),
        ("https://ghe.example:http", "an address such as"),
    ],
)
def test_base_url__a_refusal_says_what_would_be_right(value: str, right: str) -> None:
    assert right in refusal(base_url, value)


@pytest.mark.parametrize(
    "value",
    [
        "https://mlflow.example",
        "http://mlflow.example:5000/root",
        "databricks",
        "databricks-uc",
        "databricks://profile-1",
        "sqlite:////work/mlflow.db",
        "uc:https://catalog.example",
        "uc:http://127.0.0.1:8080",
    ],
)
def test_tracking_uri__what_a_registry_can_be(value: str) -> None:
    assert address_parsers.tracking_uri(value) == value


def test_tracking_uri__has_no_slash_at_its_end() -> None:
    assert address_parsers.tracking_uri("https://mlflow.example/root/") == "https://mlflow.example/root"


@pytest.mark.parametrize(
    "value",
    [
        "file:///mlruns",
        "./mlruns",
        "mlflow.example:5000",
        "localhost:5000",
        "postgresql://db/mlflow",
        "sqlite:mlflow.db",
        "https://",
        "http://[::1",
        "https://mlflow.example:99999",
        "databricks://a b",
        "uc:catalog.example:8080",
        "uc:databricks-uc",
        "uc:sqlite:///mlflow.db",
        "uc:",
    ],
)
def test_tracking_uri__anything_else_is_refused_naming_what_it_can_be(value: str) -> None:
    assert refusal(address_parsers.tracking_uri, value).startswith("http(s)://host, databricks")


@pytest.mark.parametrize(
    ("value", "root"),
    [
        # The address that a browser shows: ThoughtWorksInc/CD4ML-Scenarios#25.
        ("http://mlflow.example:5000/#/models", "http://mlflow.example:5000"),
        ("https://mlflow.example/#", "https://mlflow.example"),
        ("https://mlflow.example/root/#/experiments/1?searchFilter=", "https://mlflow.example/root"),
        ("https://mlflow.example?workspace=a", "https://mlflow.example"),
        ("https://mlflow.example/ajax-api", "https://mlflow.example"),
        ("https://mlflow.example/ajax-api/2.0/mlflow/", "https://mlflow.example"),
        ("https://mlflow.example/root/api/2.0/mlflow", "https://mlflow.example/root"),
        ("http://[::1]:5000/api/3.0", "http://[::1]:5000"),
        ("uc:http://catalog.example/api/2.1/unity-catalog", "uc:http://catalog.example"),
    ],
)
def test_tracking_uri__that_is_a_page_or_an_endpoint_is_refused_naming_the_root(value: str, root: str) -> None:
    assert refusal(address_parsers.tracking_uri, value) == f"the root of the server: {root}"
    assert address_parsers.tracking_uri(root) == root


@pytest.mark.parametrize("value", ["https://mlflow.example/api", "https://ajax-api.example", "https://api/2.0x"])
def test_tracking_uri__below_a_path_of_the_users_own_is_taken(value: str) -> None:
    assert address_parsers.tracking_uri(value) == value


@pytest.mark.parametrize("scheme", ["https", "http", "postgresql", "sqlite"])
@pytest.mark.parametrize("login", [f"user:{CANARY}", f":{CANARY}", CANARY])
def test_tracking_uri__credentials_in_it_are_refused_naming_where_they_belong(scheme: str, login: str) -> None:
    message = refusal(address_parsers.tracking_uri, f"{scheme}://{login}@mlflow.example")
    assert "MLFLOW_TRACKING_PASSWORD" in message
    assert CANARY not in message


@given(st.text(max_size=60))
def test_parsers__any_text_is_read_or_refused_and_never_crashes(value: str) -> None:
    every_parser: list[Callable[[str], object]] = [
        parsers.text, parsers.secret, parsers.boolean, list_parsers.names, parsers.day, parsers.timestamp, parsers.zone,
        parsers.signal, list_parsers.globs, parsers.repository_path, list_parsers.shipment, parsers.key_value, base_url,
        address_parsers.tracking_uri, parsers.integer(1, 9), parsers.number(0, 9), parsers.choice("a"),
        parsers.inside(Path("/tmp")),
    ]  # fmt: skip
    for parse in every_parser:
        try:
            parse(value)
        except ValueError as right:
            assert re.search(r"[a-z]", str(right))  # noqa: PT017  (either way out is right)


@pytest.mark.parametrize(
    "address",
    [
        "https://hooks.slack.com/triggers/T000/123/abc",
        "https://hooks.slack.com/workflows/T000/A000/123/abc",
        "https://hooks.slack-gov.com/triggers/T000/123/abc",
        "https://hooks.slack.com/commands/T000/123/abc",
        "http://127.0.0.1:8080/triggers/T000/123/abc",
    ],
)
def test_slack_webhook__that_starts_a_workflow_is_refused_with_the_cure(address: str) -> None:
    """act10ns/slack#276, slackapi/slack-github-action#227: such an address takes variables, not messages."""
    with pytest.raises(ValueError, match=r"hooks\.slack\.com/services/….*Make an incoming webhook"):
        address_parsers.slack_webhook(address)


@pytest.mark.parametrize(
    "address",
    [
        "https://hooks.slack.com/services/T000/B000/x",
        "https://hooks.slack-gov.com/services/T000/B000/x",
        "https://chat.example/hooks/x",
        "https://proxy.example/services/T000/B000/x",
    ],
)
def test_slack_webhook__of_slack_or_of_a_server_that_speaks_like_it_is_taken(address: str) -> None:
    assert address_parsers.slack_webhook(address).reveal() == address


def test_alert_kinds__are_those_that_alerts_have() -> None:
    assert list_parsers.alert_kinds(",".join(AlertKind)) == tuple(AlertKind)
    assert list_parsers.alert_kinds("breach, divergence\nbreach") == ("breach", "divergence")
    for wrong in ("breach;drift", "breeach", ",", "none"):
        with pytest.raises(ValueError, match="any of at-risk, breach, divergence, drift, mttr-spike"):
            list_parsers.alert_kinds(wrong)
