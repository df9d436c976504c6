"""Removes credentials from text: verbatim, in every encoding that a server or a report may use, and in pieces.

Text is often cut to length before it is redacted, and a server may cut it before it arrives. So every run of at least
PIECE characters of a credential is redacted like the credential itself.
"""

from __future__ import annotations

import base64
import json
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from html import escape, unescape
from operator import itemgetter
from urllib.parse import quote

PIECE = 8
"""The minimum length of a redacted run of characters. Shorter runs occur in ordinary words."""

_MASK = "***"
_SHORTEST_SECRET = 6
_SHORTEST_LINE = 16
"""The minimum length of a secret line in a credential of several lines; a shorter one is a brace, type or name."""

_SIGNATURE = re.compile(
    r"((?:[?&]|&amp;|&#38;|%26|%3F|\\u0026)(?:amp;)?[\w-]*(?:sig|signature|security-token|amz-credential|access_token)"
    r"(?:=|%3D))[^&\s\"'<>\\]+",
    re.IGNORECASE,
)
_ESCAPE = re.compile(
    r"%[0-9A-Fa-f]{2}|\\u[0-9A-Fa-f]{4}|\\x[0-9A-Fa-f]{2}|\\[^\w\s]|(?:<wbr>)?&(?:#\d{1,7}|#x[0-9A-Fa-f]{1,6}|[a-z]{2,6});"
)
_DEEPEST = 3
"""The levels of escaping that are decoded, as of escaped JSON within an escaped address."""

_IN_CONNECTION = re.compile(r"(?:AccountKey|SharedAccessKey|SharedAccessSignature|Password)=([^;]+)", re.IGNORECASE)
_QUAD = 4
_Span = tuple[int, int]
_NUMERIC = re.compile(r"[\d\sTZ.,:+-]+", re.ASCII)
"""Digits and the punctuation of dates and numbers: a piece of only these may be part of a timestamp."""


class Redactor:
    """Replaces every credential, every piece of one, and the signature of every signed address by `***`.

    `public`: texts that are not secret. A piece that is part of one, or of a timestamp, is kept: otherwise a password
    that resembles the name of a model would blank that name in every output. `names`: user names, of which pieces are
    kept, because a user may have the name of a model.
    """

    def __init__(self, values: Iterable[str] = (), *, public: Iterable[str] = (), names: Iterable[str] = ()) -> None:
        given = [value.strip() for value in values]
        secrets = {part for value in given for part in _secret_parts(value)}
        complete = [value for value in (*given, *names) if "\n" not in value and len(value) >= _SHORTEST_SECRET]
        forms = {form for secret in (*secrets, *complete) for form in _forms(secret) if len(form) >= _SHORTEST_SECRET}
        longest_first = sorted(forms, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(_any_escape, longest_first))) if longest_first else None
        self._pieces = _Pieces(secrets, "\n".join(public))

    def __call__(self, text: str) -> str:
        """Return the text without secrets."""
        text = _SIGNATURE.sub(rf"\1{_MASK}", text)
        if self._pattern is None:
            return text
        return self._pieces.redacted(self._pattern.sub(_MASK, text))


class _Pieces:
    """The runs of characters that reveal a credential, by their length in each encoding."""

    def __init__(self, secrets: Iterable[str], public: str) -> None:
        self._runs: dict[int, set[str]] = {}
        self._public, self._known_public = public, dict[str, bool]()
        for secret in secrets:
            self._add(PIECE, secret)
            self._add(2 * PIECE, secret.encode().hex())
            self._add(2 * PIECE, secret.encode().hex().upper())
            for form in _base64_forms(secret):
                self._add(-(-PIECE * 4 // 3), form)
        self._quads = {
            size: {run[index : index + _QUAD] for run in runs for index in range(size - _QUAD + 1)}
            for size, runs in self._runs.items()
        }

    def _add(self, size: int, form: str) -> None:
        self._runs.setdefault(size, set()).update(form[index : index + size] for index in range(len(form) - size + 1))

    def redacted(self, text: str) -> str:
        """Return the text without pieces, whatever escapes separate their characters."""
        for start, end in sorted(self._spans(text, _DEEPEST), reverse=True):
            if not _NUMERIC.fullmatch(text, start, end):
                text = text[:start] + _MASK + text[end:]
        return text

    def _spans(self, text: str, deepest: int) -> list[_Span]:
        """Return the spans of pieces in the text, also after its escapes are read; without overlap."""
        spans = [span for size in self._runs for span in self._runs_in(text, size)]
        if deepest and (view := _View(text)).has_escapes:
            spans += [view.span(span) for span in self._spans(view.text, deepest - 1)]
        return _joined(spans)

    def _runs_in(self, text: str, size: int) -> Iterator[_Span]:
        runs, quads, end = self._runs[size], self._quads[size], 0
        # Any text as long as a run contains four characters at one of these indices.
        step = size - _QUAD + 1
        for index in range(0, len(text) - _QUAD + 1, step):
            if text[index : index + _QUAD] not in quads:
                continue
            for start in range(max(end - size + 1, index - step + 1, 0), index + 1):
                run = text[start : start + size]
                if run in runs and not self._is_public(run):
                    end = start + size
                    yield start, end

    def _is_public(self, run: str) -> bool:
        # Asked only of what was found: the public text is long, and most texts hold no piece.
        if run not in self._known_public:
            self._known_public[run] = len(run) == PIECE and run in self._public
        return self._known_public[run]


class _View:
    """A text with its escapes decoded, and the position in the original of each of its characters."""

    def __init__(self, text: str) -> None:
        parts, self._after, length, last = [], [(0, 0)], 0, 0
        for escape_match in _ESCAPE.finditer(text):
            character = _decoded(escape_match[0])
            parts += [text[last : escape_match.start()], character]
            length += escape_match.start() - last + len(character)
            last = escape_match.end()
            self._after.append((length, last))
        self.text = "".join([*parts, text[last:]])
        self.has_escapes = len(self._after) > 1

    def span(self, span: _Span) -> _Span:
        """Return the span of the original text that a span of the view came from."""
        return self._source(span[0]), self._source(span[1])

    def _source(self, index: int) -> int:
        in_view, in_text = self._after[bisect_right(self._after, index, key=itemgetter(0)) - 1]
        return in_text + index - in_view


def _decoded(escaped: str) -> str:
    """Return the character that an escape encodes."""
    if escaped[0] == "%":
        return chr(int(escaped[1:], 16))
    if escaped[0] == "\\":
        return chr(int(f"0{escaped[1:].replace('u', 'x')}", base=0)) if escaped[1] in "ux" else escaped[1]
    return unescape(escaped.removeprefix("<wbr>"))


def _joined(spans: Iterable[_Span]) -> list[_Span]:
    joined: list[_Span] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def _secret_parts(value: str) -> set[str]:
    """Return the secret parts of a credential that also contains addresses and names; else the credential itself."""
    try:
        data = json.loads(value) if value.startswith("{") else None
    except (ValueError, RecursionError):
        data = None
    if isinstance(data, dict):  # a key file
        texts = [text for text in data.values() if isinstance(text, str) and "://" not in text and "@" not in text]
        return {line for text in texts for line in _long_lines(text)}
    if "\n" in value:
        return _long_lines(value)
    parts = _IN_CONNECTION.findall(value) or [value.rpartition("/")[2] if "://" in value else value]
    return {part for part in parts if len(part) >= _SHORTEST_SECRET}


def _long_lines(value: str) -> set[str]:
    lines = (line.strip() for line in value.splitlines())
    return {line for line in lines if len(line) >= _SHORTEST_LINE and not line.startswith("-----")}


def _forms(value: str) -> set[str]:
    raw = value.encode()
    return {value, raw.hex(), raw.hex().upper(), *_base64_forms(value)}


def _any_escape(form: str) -> str:
    """Return a pattern for the text in any escaping: reports escape their text before it is redacted."""
    return "".join(f"(?:{'|'.join(map(re.escape, _escapes(sign)))})" for sign in form)


def _escapes(sign: str) -> tuple[str, ...]:
    if sign.isascii() and sign.isalnum():
        return (sign,)
    percent = quote(sign, safe="")
    entities = (f"&#{ord(sign)};", f"<wbr>&#{ord(sign)};", f"&#x{ord(sign):x};", escape(sign))
    doubled = ('""',) if sign == '"' else ()  # in CSV
    return (
        *doubled,
        f"\\{sign}",
        sign,
        percent,
        percent.lower(),
        f"\\u{ord(sign):04x}",
        f"\\u{ord(sign):04X}",
        *entities,
    )


def _base64_forms(value: str) -> set[str]:
    """Return base64 of the value, alone and within any `user:value`, at each of the three alignments."""
    forms = set()
    for lead in range(3):
        encoded = base64.b64encode(b"\0" * lead + value.encode()).decode().rstrip("=")
        # Only complete sextets of the value are the same in every context.
        start = 0 if lead == 0 else lead + 1
        end = len(encoded) - (1 if (lead + len(value.encode())) % 3 else 0)
        if end - start >= _SHORTEST_SECRET:
            forms |= {encoded[start:end], encoded[start:end].replace("+", "-").replace("/", "_")}
    return forms
