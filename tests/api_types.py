"""TypeScript's types of what the API takes and answers, of its own description (OpenAPI 3.1).

The page is checked against them; tests/docs.py writes them to web/data/api-types.d.ts. Tools made
for this write 8,700 lines, since they describe every header and every refusal as well.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import api
from videolib.storage.folders import Roots
from videoserver.settings import ServerSettings

HEAD = """/** What the API takes and answers, from its own description: written by tests/docs.py. */
"""
# A program that makes the address of a video's tags knows how it ends, and of others all of it.
TAIL = """\
/** The answer to a request for an address, out of a table of addresses and one of how they end. */
export type Answer<Path extends string, Whole, Endings> = string extends Path
  ? any
  : Path extends keyof Whole
    ? Whole[Path]
    : {
        [End in keyof Endings]: Path extends `${string}${End & string}` ? Endings[End] : never;
      }[keyof Endings];
"""
PLAIN = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean"}
PARAMETER = re.compile(r"{\w+}")
OF_VIDEO = "/videos/{name}"


def types_of_api(folder: Path) -> str:
    """The text of the file; a server of some folder says it."""
    document = api.create_app(ServerSettings(Roots([folder]))).openapi()
    schemas = document["components"]["schemas"]
    parts = [HEAD, *(declaration(name, schemas[name]) for name in sorted(schemas))]
    for method in ("get", "post", "put", "patch", "delete"):
        answers = answers_by_path(document["paths"], method)
        whole = {path: answer for path, answer in answers.items() if not path.startswith(OF_VIDEO)}
        endings = {
            ending: answer
            for path, answer in answers.items()
            if (ending := path.removeprefix(OF_VIDEO)) not in ("", path)
        }
        parts += [
            table(f"{method.title()}Answers", whole),
            table(f"{method.title()}OfVideo", endings),
        ]
    return "\n".join([*parts, TAIL])


def declaration(name: str, schema: dict[str, Any]) -> str:
    if "properties" not in schema:
        return f"export type {name} = {type_of(schema)};\n"
    return f"export interface {name} {fields(schema)}\n"


def fields(schema: dict[str, Any]) -> str:
    required = schema.get("required", [])
    lines = [
        f"  {name}{'' if name in required else '?'}: {type_of(value)};"
        for name, value in schema["properties"].items()
    ]
    return "\n".join(["{", *lines, "}"])


def type_of(schema: dict[str, Any]) -> str:
    """A schema as an expression."""
    if reference := schema.get("$ref"):
        return str(reference).rpartition("/")[2]
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return " | ".join(map(json.dumps, schema["enum"]))
    for key, joint in (("anyOf", " | "), ("oneOf", " | "), ("allOf", " & ")):
        if key in schema:
            return joint.join(dict.fromkeys(map(type_of, schema[key])))
    return type_by_kind(schema)


def type_by_kind(schema: dict[str, Any]) -> str:
    kind = schema.get("type")
    if kind == "array":
        if "prefixItems" in schema:
            return f"[{', '.join(map(type_of, schema['prefixItems']))}]"
        item = type_of(schema.get("items", {}))
        return f"({item})[]" if " " in item else f"{item}[]"
    if kind == "object":
        values = schema.get("additionalProperties")
        return f"Record<string, {type_of(values) if isinstance(values, dict) else 'any'}>"
    return "null" if kind == "null" else PLAIN.get(str(kind), "any")


def answers_by_path(paths: dict[str, Any], method: str) -> dict[str, str]:
    """The type of what each address answers in JSON, where that succeeds."""
    answers = {}
    for path, operations in paths.items():
        for status, response in operations.get(method, {}).get("responses", {}).items():
            schema = response.get("content", {}).get("application/json", {}).get("schema")
            if status.startswith("2") and schema:
                answers[path] = type_of(schema)
    return answers


def table(name: str, answers: dict[str, str]) -> str:
    rows = [f"  {key(path)}: {answer};" for path, answer in sorted(answers.items())]
    return "\n".join([f"export interface {name} {{", *rows, "}\n"])


def key(path: str) -> str:
    """A path as a key of a table, with anything where it has a parameter."""
    return f"[path: `{PARAMETER.sub('${string}', path)}`]" if "{" in path else json.dumps(path)
