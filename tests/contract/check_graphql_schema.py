"""Holds FlowJoy's GraphQL documents and the stand-in's schema against GitHub's own schema. No pytest: it needs npm.

    npm pack @octokit/graphql-schema && tar xzf octokit-graphql-schema-*.tgz
    python -m tests.contract.check_graphql_schema package/schema.graphql

Prints what it checked; exit code 1 when something differs, or when there was nothing to check.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
    is_introspection_type,
    is_required_argument,
    is_required_input_field,
    is_specified_scalar_type,
    parse,
    validate,
)

import flowjoy
from tests.fakes.github_schema import schema as our_schema

if TYPE_CHECKING:
    from collections.abc import Iterator


def documents() -> Iterator[tuple[str, str]]:
    """Yield every module-level text of FlowJoy whose name ends in `_QUERY`, with its dotted name."""
    for module in pkgutil.walk_packages(flowjoy.__path__, "flowjoy."):
        if module.name.endswith("__main__"):
            continue
        for name, value in vars(importlib.import_module(module.name)).items():
            if name.endswith("_QUERY") and isinstance(value, str):
                yield f"{module.name}.{name}", value


def document_problems(theirs: GraphQLSchema, where: str, document: str) -> Iterator[str]:
    for error in validate(theirs, parse(document)):
        yield f"{where}: {error.message}"


def type_problems(theirs: GraphQLSchema, ours: Any) -> Iterator[str]:
    """Yield the differences of our type from GitHub's. Ours may omit anything that GitHub does not require."""
    real: Any = theirs.type_map.get(ours.name)
    if type(real) is not type(ours):
        yield f"{ours.name} is {type(ours).__name__}, GitHub's is {type(real).__name__}"
    elif isinstance(ours, GraphQLEnumType):
        yield from (f"{ours.name}.{value} is unknown" for value in ours.values.keys() - real.values.keys())
    elif isinstance(ours, GraphQLInputObjectType):
        yield from input_problems(ours.name, ours.fields, real.fields)
        required = {name for name, field in real.fields.items() if is_required_input_field(field)}
        yield from (f"{ours.name} lacks the required {name}" for name in required - ours.fields.keys())
    elif isinstance(ours, GraphQLObjectType | GraphQLInterfaceType):
        strange = {i.name for i in ours.interfaces} - {i.name for i in real.interfaces}
        yield from (f"{ours.name} does not implement {name}" for name in strange)
        for name, field in ours.fields.items():
            yield from field_problems(f"{ours.name}.{name}", field, real.fields.get(name))


def field_problems(where: str, ours: GraphQLField, real: GraphQLField | None) -> Iterator[str]:
    if real is None:
        yield f"{where} is unknown"
        return
    if str(ours.type) != str(real.type):
        yield f"{where} is {ours.type}, GitHub's is {real.type}"
    yield from input_problems(where, ours.args, real.args)
    required = {name for name, argument in real.args.items() if is_required_argument(argument)}
    yield from (f"{where} lacks the required argument {name}" for name in required - ours.args.keys())


def input_problems(where: str, ours: dict[str, Any], real: dict[str, Any]) -> Iterator[str]:
    """Compare the arguments of a field, or the fields of an input, by name, type and default."""
    for name, item in ours.items():
        other: GraphQLInputField | None = real.get(name)
        if other is None:
            yield f"{where}({name}) is unknown"
        elif (str(item.type), item.default_value) != (str(other.type), other.default_value):
            real_one = f"GitHub's is {other.type} = {other.default_value}"
            yield f"{where}({name}) is {item.type} = {item.default_value}, {real_one}"


def main(path: str) -> int:
    # GitHub publishes a field twice now and then: it is their schema, and not ours to validate.
    theirs = build_schema(Path(path).read_text(encoding="utf-8"), assume_valid=True, assume_valid_sdl=True)
    types = [
        t for t in our_schema().type_map.values() if not is_introspection_type(t) and not is_specified_scalar_type(t)
    ]
    queries = dict(documents())
    problems = [problem for where, text in queries.items() for problem in document_problems(theirs, where, text)]
    problems += [problem for ours in types for problem in type_problems(theirs, ours)]
    if not queries:
        problems.append("there is no document to check: has the naming changed?")
    print(f"GitHub's schema has {len(theirs.type_map)} types")
    print("\n".join(f"document {where}" for where in queries))
    print(f"{len(types)} types of the stand-in: {', '.join(sorted(t.name for t in types))}")
    print("\n".join(f"WRONG {problem}" for problem in problems) or "nothing differs")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
