"""Reads the models, versions and tags of an MLflow registry.

Empty lists are verified, because the client answers most faults with an empty list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, TypeVar

from flowjoy.clients.faults import Fault, MalformedAnswerError
from flowjoy.clients.mlflow import is_unity_catalog, new_client
from flowjoy.clients.mlflow_answers import is_prompt, is_same_name, version_number, version_of
from flowjoy.clients.mlflow_errors import ROOT, explain, explain_name
from flowjoy.clients.mlflow_models import PROMPT_TAG, RegisteredModel, RegisteredVersion
from flowjoy.clients.parallel import side_by_side
from flowjoy.clients.responses import Text, read
from flowjoy.clients.transport import Transport
from flowjoy.errors import HarvestError, UnknownModelError

_PAGE = 1000
_NAMES_PAGES = 3
_LONGEST_CONDITION = 2000  # it is part of an address
_T = TypeVar("_T")


class Registry:
    """The registry behind one client."""

    def __init__(self, uri: str, transport: Transport) -> None:
        self._in_unity_catalog = is_unity_catalog(uri)
        self.keeps_tags_apart = uri.startswith("databricks-uc")
        # Pages are cut by position: in this order a new version does not move the pages that follow.
        self._order = None if uri.startswith(("databricks", "uc:")) else ["creation_timestamp ASC"]
        self._unordered: set[str] = set()
        self._uri, self._transport = uri, transport
        self._client = new_client(uri)

    def shown(self, name: str) -> RegisteredModel:
        """Return the registered model. Raise UnknownModelError if it does not exist."""

        def request() -> RegisteredModel:
            model = self._client.get_registered_model(name)
            # A fault answers with a model without a name.
            if not is_same_name(model.name, name, in_unity_catalog=self._in_unity_catalog):
                raise MalformedAnswerError(f"the registry does not say that it knows {name!r}")
            if is_prompt(model):  # servers of 2.22 show prompts among models
                raise UnknownModelError(f"{name!r} is a prompt")
            aliases = read(dict[Text, object], model.aliases)
            return RegisteredModel(
                # A Unity Catalog shows none.
                latest=frozenset(version_number(version.version) for version in model.latest_versions or ()),
                aliases={name: version_number(version) for name, version in aliases.items()},
                created=model.creation_timestamp,
                changed=None if self._in_unity_catalog else model.last_updated_timestamp,
            )

        explain = partial(explain_name, uri=self._uri)
        return self._transport.call(f"MLflow registry, model {name!r}", request, explain)

    def shown_if_known(self, name: str) -> RegisteredModel | None:
        """Return the registered model, None if it does not exist."""
        try:
            return self.shown(name)
        except UnknownModelError:
            return None

    def is_prompt(self, name: str) -> bool:
        """Return whether the registry keeps a prompt of that name; servers without prompts keep none."""
        if self._in_unity_catalog:
            return False
        condition = f"name = {_quoted(name)} AND tags.`{PROMPT_TAG}` = 'true'"
        try:
            ask = partial(self._client.search_registered_models, condition)
            prompts = self._transport.call("MLflow registry, prompts", ask, self._explain, tries=1)
        except HarvestError:
            return False  # only the wording depends on it
        return any(model.name == name for model in prompts)

    def names(self) -> list[str]:
        """Return the models on the first pages of the registry; only suggestions depend on them."""
        names: list[str] = []
        token = None
        # The client adds a condition on that tag unless one names it; servers without prompts find no model by it.
        condition = None if self._in_unity_catalog else f"name != {_quoted(PROMPT_TAG)}"
        for _ in range(_NAMES_PAGES):
            ask = partial(self._client.search_registered_models, condition, max_results=_PAGE, page_token=token)
            try:
                page = self._transport.call("MLflow registry, models", ask, self._explain, tries=1)
            except HarvestError:
                break
            names += [str(model.name) for model in page if not is_prompt(model)]
            token = page.token
            if not token:
                break
        return names

    def versions(self, must_list: Mapping[str, frozenset[str]]) -> list[RegisteredVersion]:
        """Return every version of the models. `must_list`: those that each model itself shows, which must be there."""
        by_name = self._on_one_page(must_list)
        rest = {name: shown for name, shown in must_list.items() if name not in by_name}
        by_name |= zip(rest, side_by_side(lambda name: self._every_page(name, rest[name]), rest), strict=True)
        return [version for name in must_list for version in by_name[name]]

    def _on_one_page(self, must_list: Mapping[str, frozenset[str]]) -> dict[str, list[RegisteredVersion]]:
        """Return the versions of those models that one request for all of them shows completely.

        Servers before 3.17 refuse it, or show other models too. That a model has no version, or more than a page shows
        of all of them, is only believed of a request for that model.
        """
        condition = f"name IN ({', '.join(map(_quoted, must_list))})"
        if len(must_list) < 2 or len(condition) > _LONGEST_CONDITION or self._order is None:
            return {}

        def request() -> dict[str, list[RegisteredVersion]]:
            page = self._client.search_model_versions(condition, max_results=_PAGE, order_by=self._order)
            listed = [self._typed(item, must_list) for item in page] if not page.token else []
            by_name = {name: [version for version in listed if version.name == name] for name in must_list}
            return {
                name: some for name, some in by_name.items() if some and must_list[name] <= {v.version for v in some}
            }

        try:
            return self._transport.call("MLflow registry, versions", request, self._explain, tries=1)
        except HarvestError:
            return {}  # each model is asked for by itself

    def _every_page(self, name: str, must_list: frozenset[str]) -> list[RegisteredVersion]:
        """Return every version of one model, from all pages. Those that the model itself shows must be among them.

        No page is left out, however old: whether content is new depends on every version before.
        """
        by_number: dict[str, RegisteredVersion] = {}
        missing = set(must_list)
        token = None
        while True:

            def request(token: str | None = token, missing: frozenset[str] = frozenset(missing)) -> Any:
                page = self._page(name, token)
                plain = {version.version: version for version in (self._typed(item, [name]) for item in page)}
                # A registry gives a token only when more follows: an empty page behind one is a cut answer.
                if token and not plain:
                    raise MalformedAnswerError("the next page of versions is empty")
                if not page.token and (hidden := missing - plain.keys()):
                    raise MalformedAnswerError(f"the search does not show {name} v{min(hidden)}, which is there")
                return plain, page.token or None

            page, token = self._call("MLflow registry, versions", request)
            new = page.keys() - by_number.keys()
            by_number |= page
            missing -= new
            if token is None:
                self._verify_empty(name, by_number)
                return list(by_number.values())
            if not new:
                raise HarvestError("MLflow registry: the list of versions repeats itself without an end", hint=ROOT)

    def _page(self, name: str, token: str | None) -> Any:
        """Return one page. A registry that refuses the order on its first page, as GitLab's, gives its own."""
        from mlflow.exceptions import MlflowException

        # Servers before 3.17 know no other condition on names.
        condition = f"name={_quoted(name)}"
        ask = partial(self._client.search_model_versions, condition, max_results=_PAGE, page_token=token)
        if name in self._unordered:
            return ask()
        try:
            return ask(order_by=self._order)
        except MlflowException as problem:
            if token or self._order is None or not _refuses_order(problem):
                raise
        page = ask()
        self._unordered.add(name)
        return page

    def _verify_empty(self, name: str, versions: Mapping[str, Any]) -> None:
        """Verify with a second request that a model has no versions: a Unity Catalog does not show the latest one."""
        if versions or not self._in_unity_catalog:
            return
        try:
            self.detailed(name, "1")
        except UnknownModelError:
            return
        raise HarvestError(f"MLflow registry: the search shows no version of {name}, but version 1 is there", hint=ROOT)

    def detailed(self, name: str, number: str) -> RegisteredVersion:
        """Return the version asked by itself: a Unity Catalog search leaves tags out."""

        def request() -> RegisteredVersion:
            version = self._typed(self._client.get_model_version(name, number), [name])
            if version.version != number:
                raise MalformedAnswerError("the registry answers with another version")
            return version

        return self._call(f"MLflow registry, {name} v{number}", request)

    def _typed(self, version: Any, names: Iterable[str]) -> RegisteredVersion:
        return version_of(version, names, in_unity_catalog=self._in_unity_catalog)

    def _call(self, what: str, request: Callable[[], _T]) -> _T:
        return self._transport.call(what, request, self._explain)

    def _explain(self, problem: Exception) -> Fault | None:
        return explain(problem, self._uri)


def _quoted(name: str) -> str:
    return f"'{name}'"  # inputs and stubs refuse names with quotes


def _refuses_order(problem: Exception) -> bool:
    """Return whether a registry may have refused the order: MLflow's own code, or GitLab's text without any code."""
    return getattr(problem, "error_code", None) == "INVALID_PARAMETER_VALUE" or "order_by" in str(problem)
