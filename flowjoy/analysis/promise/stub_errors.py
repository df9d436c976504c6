"""The error messages for an invalid stub: the problem, then the cure, never the text of json or pydantic."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from flowjoy.domain.version_order import PIN

_EXAMPLE = '{"models": {"recommender": "any"}}'
OTHER_TOOL = "If another tool owns the file, set `model-stub` to another path"
_REQUIRES = 'expected "any", "12", "1.2.0", ">=12", or {"requires": "none", "reason": "…"}'
_WAIVER = 'expected an object with "model", "sha", "reason", "by" and "until"'
_NAME = "up to 255 characters without quotes"
_TEXT = "expected text of 1 to 500 characters"
_OWNER = "expected a name or a Slack id, on one line of 1 to 80 characters"
_KEYS = {"": ("models", "waivers", "$schema"), "models": ("requires", "reason", "owner")}
_WAIVER_KEYS = ("model", "sha", "reason", "by", "until")
_FIELDS = {
    "model": f"expected the name of a model: {_NAME}",
    "sha": "expected * or a full commit sha",
    "reason": _TEXT,
    "by": _TEXT,
    "until": "expected an ISO instant such as 2026-12-31T00:00:00Z, or a date",
}
_NOT_JSON: tuple[tuple[str, str], ...] = (
    (r"\s*\Z", "is empty"),
    (r"version https://git-lfs", "is a pointer of Git LFS: keep the stub out of LFS"),
    (r"\s*<{7} |(?s:.*\n)<{7} ", "has the marks of a merge conflict: resolve it"),
    (r"\s*<", "is HTML or XML, not JSON"),
    (r"[\w./-]+\.json\s*\Z", "is a link: set `model-stub` to the path of the file itself"),
    (r"\s*(?:---|#|-\s|[\w-]+\s*:(?:\s|$))", "is YAML, not JSON"),
    (r"\s*\[?[\w.-]+\]?\s*(?:=|\n)", "is TOML or text, not JSON"),
)


def not_json(text: str, position: int) -> str:
    """Return why a text is not JSON. `position` is where reading it failed."""
    for pattern, problem in _NOT_JSON:
        if re.match(pattern, text):
            return f"is not JSON: it {problem}. Write {_EXAMPLE}. {OTHER_TOOL}"
    return f"is not JSON: {_mistake(text, position)}"


def _mistake(text: str, position: int) -> str:
    """Return the mistake at one position of a text that was meant as JSON."""
    rest, before = text[position:].lstrip(), text[:position].rstrip()
    if (before.endswith(",") and rest[:1] in ("}", "]")) or (rest.startswith(",") and rest[1:].lstrip()[:1] in "}]"):
        return "remove the comma after the last item"
    if rest.startswith(("//", "/*", "#")):
        return "remove the comment, which JSON does not have"
    if rest.startswith(("'", "“", "”")):
        return 'write double quotes (")'
    if not rest:
        return "it ends too early: close every brace, bracket and quote"
    if re.match(r"(?:True|False|None)\b", rest):
        return "write true, false or null in lower case"
    if before[-1:] in ("}", "]") and _is_json(before):
        return "remove what follows the end of the object"
    if re.match(r"[A-Za-z_>=~^*]", rest):
        return f"put names and versions in double quotes, as in {_EXAMPLE}"
    return f"a comma, a colon or a quote is missing or too many. Compare with {_EXAMPLE}"


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def foreign(data: object) -> str | None:
    """Return why JSON data is not meant as a stub, with the cure; None where it is."""
    if not isinstance(data, dict):
        problem = f"found {_kind(data)}"
    elif "models" not in data:
        close = next((key for key in data if _nearest(key, ("models",))), None)
        meant = f" (is {_key(close)} meant?)" if close is not None else ""
        return f"missing key 'models'{meant}: this is not a FlowJoy stub, expected {_EXAMPLE}. {OTHER_TOOL}"
    elif not isinstance(data["models"], dict):
        problem = f"'models' is {_kind(data['models'])}"
    elif data["models"] and all(map(_is_foreign_entry, data["models"].values())):
        inner = next(iter(data["models"]))
        problem = f"'models': the entry of {_key(inner)} is not a requirement"
    else:
        return None
    return f"is not a FlowJoy stub: {problem}, expected {_EXAMPLE}. {OTHER_TOOL}"


def _is_foreign_entry(entry: object) -> bool:
    """Return whether the entry of a model is another tool's: a list, or an object without a key like ours."""
    if isinstance(entry, dict):
        return bool(entry) and not any(_nearest(key, _KEYS["models"]) for key in entry)
    return isinstance(entry, list)


def broken_rule(error: Mapping[str, Any]) -> str:
    """Return the message for one of pydantic's errors, from its type and location alone."""
    location: tuple[str | int, ...] = error["loc"]
    section = location[0] if location else ""
    kind = str(error["type"])
    if kind == "extra_forbidden":
        return _unknown_key(location)
    if section == "waivers":
        return _of_waiver(location, kind, error)
    if section == "models" and len(location) > 1:
        return _of_model(location, kind, error.get("input"))
    if section == "$schema":
        return "'$schema': expected the address of a JSON schema, as text"
    return f"is not a FlowJoy stub: expected {_EXAMPLE}. {OTHER_TOOL}"


def _of_model(location: tuple[str | int, ...], kind: str, given: object) -> str:
    model = _key(str(location[1]))
    if location[-1] == "[key]":
        return f"{model} is not a model name: {_NAME}"
    if location[-1] == "reason":
        return f"{model}: 'reason': {_TEXT}"
    if location[-1] == "owner":
        return f"{model}: 'owner': {_OWNER}"
    if kind == "value_error":
        return f'{model}: expected a "reason" for "none": write {{"requires": "none", "reason": "…"}}'
    if isinstance(given, int | float) and not isinstance(given, bool) and re.fullmatch(r"[\d.]{1,9}", str(given)):
        return f'{model}: expected "{given}": {given} must be in quotes'
    pinned = re.fullmatch(rf">=\s*({PIN})", given) if isinstance(given, str) else None
    if pinned:
        return f'{model}: ">=" compares whole numbers. Write ">=12", or pin the one version "{pinned[1]}"'
    return f"{model}: {_REQUIRES}"


def _of_waiver(location: tuple[str | int, ...], kind: str, error: Mapping[str, Any]) -> str:
    if len(location) == 1:
        return '\'waivers\': expected a list of objects, each with "model", "sha", "reason", "by" and "until"'
    which = f"waiver {int(location[1]) + 1}"
    if len(location) == 2:
        return f"{which}: {_WAIVER}"
    name = str(location[2])
    if kind == "missing":
        return f"{which}: missing key {_key(name)}: {_WAIVER}"
    own = error.get("ctx", {}).get("error")
    # Only our own validator raises ValueError here, with our own message.
    return f"{which}: {_key(name)}: {own if isinstance(own, ValueError) else _FIELDS.get(name, _WAIVER)}"


def _unknown_key(location: tuple[str | int, ...]) -> str:
    key = str(location[-1])
    known = _KEYS[""] if len(location) == 1 else _KEYS["models"] if location[0] == "models" else _WAIVER_KEYS
    near = _nearest(key, known)
    cure = f"did you mean {near!r}?" if near else f"expected {', '.join(known)}"
    return f"unknown key {_key(key)}: {cure}"


def _nearest(key: object, known: Iterable[str]) -> str | None:
    near = difflib.get_close_matches(str(key)[:60].lower(), list(known), n=1, cutoff=0.7)
    return near[0] if near else None


def _kind(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")


def _key(text: str) -> str:
    """Return a key of an untrusted file, short and on one line."""
    return repr(text[:60])
