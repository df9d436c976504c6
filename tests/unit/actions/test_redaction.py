"""No credential leaves: not in another spelling, not in pieces, and nothing else is blanked in its stead."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from html import escape
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowjoy.actions.redaction import PIECE, Redactor
from flowjoy.config import secret_variables
from flowjoy.config.settings import redactor
from flowjoy.report.escaping import code

TOKEN = "ghs_Canary0123/of+github==&<1>"
REFERENCE = (Path(__file__).parents[3] / "docs" / "reference.md").read_text()

PRIVATE_KEY = (
    "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcw\nq7Zk3vJx0Yt1\n-----END PRIVATE KEY-----\n"
)
KEY_FILE = {
    "type": "service_account",
    "project_id": "acme-shop-production",
    "private_key_id": "0123456789abcdef0123456789abcdef01234567",
    "private_key": PRIVATE_KEY,
    "client_email": "recommender@acme-shop-production.iam.gserviceaccount.com",
    "auth_uri": "https://accounts.google.com/o/oauth2/auth",
}


def after(lead: int) -> Callable[[str], str]:
    """Base64 of the text behind so many other bytes."""
    return lambda text: base64.b64encode(b"u" * lead + text.encode()).decode()


ENCODINGS: dict[str, Callable[[str], str]] = {
    "plain": lambda text: text,
    "percent": lambda text: quote(text, safe=""),
    "lower percent": lambda text: re.sub("%..", lambda match: match[0].lower(), quote(text, safe="")),
    "JSON": lambda text: json.dumps(text)[1:-1],
    "JSON \\u": lambda text: "".join(sign if sign.isalnum() else f"\\u{ord(sign):04x}" for sign in text),
    "HTML": escape,
    "Markdown": lambda text: code(text, 10_000),
    "JSON in JSON": lambda text: json.dumps(json.dumps({"a": text})),
    "percent in JSON": lambda text: json.dumps(quote(text, safe="")),
    "hex": lambda text: text.encode().hex(),
    "HEX": lambda text: text.encode().hex().upper(),
    "urlsafe base64": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    **{f"base64 after {lead}": after(lead) for lead in range(4)},
}


def left_of(secret: str, text: str) -> set[str]:
    """Return the pieces of the secret that a text still contains."""
    return {piece for at in range(len(secret) - PIECE + 1) if (piece := secret[at : at + PIECE]) in text}


@pytest.mark.parametrize("form", ENCODINGS)
def test_redactor__hides_a_credential_in_each_encoding(form: str) -> None:
    encoded = ENCODINGS[form](TOKEN)
    redacted = Redactor([TOKEN])(f"you sent {encoded} today")
    assert "***" in redacted
    assert redacted.startswith("you sent ")
    assert redacted.endswith(" today")
    assert not left_of(TOKEN, redacted)


@pytest.mark.parametrize("form", ENCODINGS)
@pytest.mark.parametrize(("start", "end"), [(0, 8), (0, 15), (5, 17), (9, 30), (22, 30)])
def test_redactor__hides_a_piece_that_a_cut_has_left(form: str, start: int, end: int) -> None:
    """A server, or a report, cuts text: eight characters of a credential are eight too many."""
    piece = ENCODINGS[form](TOKEN[start:end])
    if "base64" in form:  # a cut of the complete encoded text, with its alignment
        encoded = ENCODINGS[form](TOKEN)
        piece = encoded[3:15]
    redacted = Redactor([TOKEN])(f"'{piece}'")
    assert "***" in redacted
    assert not left_of(TOKEN, redacted)


@pytest.mark.parametrize("length", range(1, len(TOKEN) + 20))
def test_redactor__holds_whereever_a_text_is_cut(length: int) -> None:
    text = f"you sent {TOKEN} today"[:length]
    assert not left_of(TOKEN, Redactor([TOKEN])(text))


@given(st.text(max_size=60), st.integers(0, 20), st.integers(0, 30), st.text(max_size=60))
def test_redactor__leaves_no_piece_in_any_text(before: str, start: int, length: int, after: str) -> None:
    text = before + TOKEN[start : start + length] + after
    assert not left_of(TOKEN, Redactor([TOKEN])(text))


@given(st.text(alphabet="abcxyz 0189-_:/&;%\\u", max_size=200))
def test_redactor__changes_nothing_that_holds_no_secret(text: str) -> None:
    assert Redactor(["QWERTZUIOPASDFGH"])(text) == text


def test_redactor__leaves_what_everybody_may_read() -> None:
    """A password that resembles the name of a model must not blank that name, nor what users gate on."""
    redact = Redactor(["recommender-breached-2026!"], public=["recommender", "breached"])
    assert redact("recommender is breached") == "recommender is breached"
    assert redact("got recommender-breached-2026!") == "got ***"
    assert "2026!" not in redact("got breached-2026!")


@pytest.mark.parametrize(
    "line",
    [
        "pagerduty-token",
        "set environment to one of: ",
        "flowjoy-bundle.json",
        "2026-03-02T09:00:00Z",
    ],
)
def test_redactor__leaves_the_text_that_we_write_whatever_a_credential_shares_with_them(line: str) -> None:
    redact = redactor({"MLFLOW_TRACKING_TOKEN": f"x{line}x", "GITHUB_REPOSITORY": "acme/shop"})
    assert redact(line) == line
    assert redact(f"you sent x{line}x") == "you sent ***"


def test_redactor__hides_a_number_only_as_part_of_the_credential() -> None:
    """Every timestamp contains eight digits in a row."""
    redact = Redactor(["canary-20260302"])
    assert redact("20260302") == "20260302"
    assert redact("got canary-20260302 and anary-2026") == "got *** and ***"


def test_redactor__hides_the_name_of_a_user_in_full_and_not_in_pieces() -> None:
    redact = Redactor(names=["recommender-ci"])
    assert redact("recommender by recommender-ci") == "recommender by ***"


def test_redactor__of_a_key_file_hides_the_keys_and_neither_names_nor_addresses() -> None:
    redact = Redactor([json.dumps(KEY_FILE, indent=2)])
    for line in ("MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcw", "0123456789abcdef0123456789abcdef01234567"):
        assert redact(f"got {line}") == "got ***"
        assert redact(f"got {line[:20]}") == "got ***"
    for harmless in (
        '"type": "service_account"',
        "https://accounts.google.com/o/oauth2/auth",
        "-----BEGIN PRIVATE KEY-----",
    ):
        assert redact(harmless) == harmless


def test_redactor__of_many_lines_hides_the_long_ones() -> None:
    redact = Redactor([PRIVATE_KEY])
    assert redact("x MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcw y") == "x *** y"
    assert redact("-----END PRIVATE KEY-----") == "-----END PRIVATE KEY-----"


def test_redactor__of_a_connection_string_hides_its_key() -> None:
    redact = Redactor(
        ["DefaultEndpointsProtocol=https;AccountName=acme;AccountKey=qA3k+9vZ/Tz1Ww==;EndpointSuffix=x.net"]
    )
    assert redact("AccountName=acme and qA3k+9vZ/Tz1Ww==") == "AccountName=acme and ***"


def test_redactor__of_a_webhook_hides_its_end_and_no_other_address() -> None:
    redact = Redactor(["https://hooks.slack.com/services/T00000000/B00000000/CanaryCanaryCanary12"])
    assert redact("at https://hooks.slack.com/services/T00000000/B00000000/CanaryCanaryCanary12") == "at ***"
    assert redact("no service at CanaryCanaryCan") == "no service at ***"
    assert redact("see https://hooks.slack.com/docs") == "see https://hooks.slack.com/docs"


@pytest.mark.parametrize(
    "address",
    [
        "https://x.example/a?se=2026&sig=CanaryOfSas%2F1",
        "https://x.example/a?se=2026&amp;sig=CanaryOfSas%2F1",
        "https://x.example/a?X-Amz-Signature=CanaryOfSas&X-Amz-Date=1",
        "https://x.example/a?X-Amz-Security-Token=CanaryOfSas&X-Amz-Date=1",
        "https://x.example/a?X-Goog-Signature=CanaryOfSas",
        "https%3A%2F%2Fx.example%2Fa%3Fse%3D1%26sig%3DCanaryOfSas",
        "https://x.example/a?sig=Canary",
    ],
)
def test_redactor__hides_the_signature_of_an_address(address: str) -> None:
    assert "Canary" not in Redactor()(address)


@pytest.mark.parametrize("name", [name for names in secret_variables.VARIABLES.values() for name in names])
def test_variables__each_credential_is_hidden_and_named_in_the_reference(name: str) -> None:
    redact = redactor({name: TOKEN})
    assert redact(f"got {TOKEN}") == "got ***"
    assert not left_of(TOKEN, redact(f"got {TOKEN[2:14]}"))
    assert f"`{name}`" in REFERENCE


def test_variables__the_reference_names_no_credential_that_is_not_hidden() -> None:
    hidden = {name for names in secret_variables.VARIABLES.values() for name in names} | {*secret_variables.USER_NAMES}
    named = set(re.findall(r"\b[A-Z][A-Z_]+_(?:TOKEN|SECRET|PASSWORD|KEY|KEY_ID|CREDENTIALS|USERNAME)\b", REFERENCE))
    assert named - hidden == set()
