"""How one input is read: a parser a kind of value. Knows text and values, not which inputs there are.

A parser takes the trimmed text and gives the value, or raises ValueError with what would be right.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from flowjoy.domain import hosts
from flowjoy.domain.hosts import is_loopback, split_address
from flowjoy.domain.secret import Secret
from flowjoy.domain.timestamps import parse_iso, plausible
from flowjoy.domain.version_order import PIN

_CONTROL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029\ud800-\udfff]")
_LATEST = datetime(2100, 1, 1, tzinfo=UTC)
ALERT_KINDS = frozenset({"breach", "drift", "at-risk", "mttr-spike", "divergence"})
_API_PATH = re.compile(r"(?<=[^/:])/+(ajax-api|api/\d+\.\d+)(/.*)?$")
"""What clients append to the address of a registry."""

_MODEL_QUOTES = re.compile(r"[\"'`]")


def text(value: str) -> str:
    """One line of text of at most 255 characters."""
    if _CONTROL.search(value):
        raise ValueError("one line of text without control characters")
    if len(value) > 255:
        raise ValueError("at most 255 characters")
    return value


def secret(value: str) -> Secret:
    """A credential, hidden from here on."""
    if _CONTROL.search(value):
        raise ValueError("a token without line breaks")
    return Secret(value)


def boolean(value: str) -> bool:
    """`true` or `false`."""
    if value.lower() not in ("true", "false"):
        raise ValueError("true or false")
    return value.lower() == "true"


def choice(*options: str) -> Callable[[str], str]:
    """One of the options."""

    def parse(value: str) -> str:
        if value not in options:
            raise ValueError("one of " + ", ".join(options))
        return value

    return parse


def integer(low: int, high: int) -> Callable[[str], int]:
    """A whole number in [low, high]."""

    def parse(value: str) -> int:
        if not re.fullmatch(r"\d{1,9}", value, re.ASCII) or not low <= int(value) <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return int(value)

    return parse


def number(low: float, high: float) -> Callable[[str], float]:
    """A decimal number in (low, high]."""

    def parse(value: str) -> float:
        if not re.fullmatch(r"\d{1,9}(\.\d{1,9})?", value, re.ASCII) or not low < float(value) <= high:
            raise ValueError(f"a number over {low:g} and up to {high:g}")
        return float(value)

    return parse


def names(value: str) -> tuple[str, ...]:
    """Registered model names, one a line or comma-separated; sorted, each once."""
    found = {part.strip() for part in re.split(r"[,\n]", value)} - {""}
    for name in found:
        text(name)
        if _MODEL_QUOTES.search(name):
            raise ValueError("model names without quotes, one a line or comma-separated")
        _refuse_more_than_a_name(name)
    return tuple(sorted(found))


def _refuse_more_than_a_name(name: str) -> None:
    """Raise ValueError for a name with a pin, the dash of a list or a comment: the registry would not know it."""
    pinned = re.fullmatch(rf"(.+?)\s*(?:[=<>~]=?|==|:)\s*{PIN}", name)
    if pinned:
        raise ValueError(
            f'the bare name {pinned[1]!r}: pins belong in flowjoy.json, as in {{"models": {{"{pinned[1]}": "12"}}}}'
        )
    bare = re.sub(r"\s+#.*", "", re.sub(r"^[-*]\s+", "", name)).strip()
    if bare != name:
        raise ValueError(f"the bare name {bare!r}, without a dash or a comment: one a line or comma-separated")


def model_name(value: str) -> str:
    """One registered model."""
    found = names(value)
    if len(found) != 1:
        raise ValueError("the name of one model")
    return found[0]


def slack_channel(value: str) -> str:
    """A channel's id or name, without the `#`."""
    name = value.removeprefix("#")
    if not re.fullmatch(r"[\w-]{1,80}", name):
        raise ValueError("the id of a channel such as C0123456789, or its name")
    return name


def identifiers(value: str) -> tuple[str, ...]:
    """Ids of letters and digits, one a line or comma-separated; sorted, each once."""
    found = {part.strip() for part in re.split(r"[,\n]", value)} - {""}
    if not all(re.fullmatch(r"[A-Za-z0-9]{1,64}", name) for name in found):
        raise ValueError("ids of letters and digits such as PIJ90N7, one a line or comma-separated")
    return tuple(sorted(found))


def day(value: str) -> date:
    """An ISO date."""
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ValueError("an ISO date such as 2024-06-03") from None


def instant(value: str) -> datetime:
    """An ISO instant with an offset, from 2005 to 2100."""
    try:
        return plausible(parse_iso(value), now=_LATEST)
    except ValueError as problem:
        raise ValueError(f"an ISO instant such as 2024-06-24T00:00:00Z ({problem})") from None


def zone(value: str) -> str:
    """An IANA time zone."""
    try:
        ZoneInfo(value)
    except (LookupError, ValueError, OSError):
        raise ValueError("an IANA time zone such as UTC or Europe/Berlin") from None
    return value


_SIGNALS = (
    re.compile(r"registered"),
    re.compile(r"alias:[A-Za-z0-9_-]{1,255}"),
    re.compile(r"stage:(Staging|Production|Archived)"),
    re.compile(r"tag:[\w./ -]{1,250}", re.ASCII),
)


def signal(value: str) -> str:
    """What `shipped` is: `registered`, an alias or a stage that moves to the version, or the tag that says when."""
    if not any(pattern.fullmatch(value) for pattern in _SIGNALS):
        raise ValueError("registered, alias:<name>, stage:Production (or Staging, Archived) or tag:<key>")
    return value


def artifact_name(value: str) -> str:
    """A name that GitHub takes for an artifact."""
    if len(text(value)) > 200 or re.search(r'["<>|*?:\\/]', value):
        raise ValueError('up to 200 characters, none of " : < > | * ? \\ /')
    return value


def globs(value: str) -> tuple[str, ...]:
    """File globs, one a line or comma-separated. One that could match no file is refused."""
    found = {text(part.strip()) for part in re.split(r"[,\n]", value)} - {""}
    if any(glob.startswith(("/", "./")) or glob.endswith("/") or re.search(r"[{}]", glob) for glob in found):
        raise ValueError("globs such as config/flags/** or **/*.flag.yml, without braces and not ending in /")
    return tuple(sorted(found))


def patterns(value: str) -> tuple[str, ...]:
    """Return names or globs, one a line or comma-separated; sorted, each once."""
    return tuple(sorted({text(part.strip()) for part in re.split(r"[,\n]", value)} - {""}))


def pattern_lines(value: str) -> tuple[str, ...]:
    """Return names or globs, one a line (a name may hold commas); sorted, each once."""
    return tuple(sorted({text(part.strip()) for part in value.split("\n")} - {""}))


def repository_path(value: str) -> str:
    """A path in the repository, with forward slashes, as git writes it."""
    parts = text(value).split("/")
    if value.startswith("/") or "\\" in value or ":" in value or not all(parts) or {".", ".."} & set(parts):
        raise ValueError("a path in the repository such as flowjoy.json")
    return value


def workflow_file(value: str) -> str:
    """Return the file name of a workflow, also where its path in the repository is given."""
    name = text(value).removeprefix("./").removeprefix(".github/workflows/")
    if "/" in name:
        raise ValueError("the file name of a workflow in .github/workflows, such as release.yml")
    return name


def shipment(value: str) -> tuple[str, str]:
    """Return the model and the version of `model=version`: a whole number or a semantic version."""
    name, _, version = value.rpartition("=")
    if not name or names(name) != (name,) or not re.fullmatch(PIN, version):
        raise ValueError("model=version, such as recommender=12 or recommender=1.2.0")
    return name, version


def key_value(value: str) -> str:
    """`key=value` of a tag."""
    key, _, held = text(value).partition("=")
    if not key.strip() or not held.strip():
        raise ValueError("key=value, such as integration=passed")
    return f"{key.strip()}={held.strip()}"


def inside(workspace: Path) -> Callable[[str], Path]:
    """A path in the workspace, resolved; nothing outside it is ever read or written."""

    def parse(value: str) -> Path:
        try:
            path = (workspace / text(value)).resolve()
        except (RuntimeError, OSError):  # links in a circle
            raise ValueError("a path that leads somewhere") from None
        if not path.is_relative_to(workspace.resolve()):
            raise ValueError("a path inside the workspace")
        return path

    return parse


def base_url(value: str) -> str:
    """Return an https address (http on loopback only) without credentials and without a slash at its end."""
    return hosts.base_url(value)


def alert_kinds(value: str) -> tuple[str, ...]:
    """Kinds of alerts, one a line or comma-separated; each once."""
    kinds = dict.fromkeys(part.strip() for part in re.split(r"[,\n]", value) if part.strip())
    if not kinds or not ALERT_KINDS.issuperset(kinds):
        raise ValueError(f"any of {', '.join(sorted(ALERT_KINDS))}, one a line or comma-separated")
    return tuple(kinds)


def slack_webhook(value: str) -> Secret:
    """The address of an incoming webhook; one that starts a workflow takes no message of ours."""
    parts = split_address(value)
    path = parts.path if parts is not None else ""
    on_slack = parts is not None and parts.hostname in ("hooks.slack.com", "hooks.slack-gov.com")
    if path.startswith(("/triggers/", "/workflows/")) or (on_slack and not path.startswith("/services/")):
        raise ValueError(
            "an incoming webhook (https://hooks.slack.com/services/…); this address starts a workflow or a command. "
            "Make an incoming webhook: api.slack.com/apps, Incoming Webhooks, Add New Webhook"
        )
    return secret_url(value)


def secret_url(value: str) -> Secret:
    """An https address that is itself a credential (http on loopback only)."""
    parts = split_address(value) if not _CONTROL.search(value) else None
    local = parts is not None and parts.scheme == "http" and is_loopback(parts.hostname)
    if parts is None or not parts.hostname or parts.username or (parts.scheme != "https" and not local):
        raise ValueError("an https address such as Slack gives for an incoming webhook")
    return Secret(value)


def tracking_uri(value: str) -> str:
    """A registry: http(s), `databricks`, `databricks-uc` (with `://profile`), `uc:http(s)://…` or `sqlite:///…`."""
    usable = "http(s)://host, databricks, databricks-uc, uc:http(s)://host or sqlite:///path"
    if re.fullmatch(r"databricks(-uc)?(://[\w.-]+)?", text(value), re.ASCII):
        return value
    parts = split_address(value.removeprefix("uc:"))
    if parts is None:
        raise ValueError(usable)
    if parts.username or parts.password:
        raise ValueError(
            f"{usable}, without user:password in it (set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD)"
        )
    if parts.scheme == "sqlite" and value.startswith("sqlite:///"):
        return value
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(usable)
    root = _API_PATH.sub("", re.split("[?#]", value)[0]).rstrip("/")
    if root != value.rstrip("/"):
        raise ValueError(f"the root of the server: {root}")
    return root


LISTS = (names, globs, identifiers, patterns, pattern_lines)
"""The parsers of lists: an input without a value is an empty one."""

SECRETS = (secret, secret_url, slack_webhook)
"""The parsers of credentials: their values are never shown."""
