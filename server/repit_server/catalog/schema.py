"""The JSON Schema of the catalog document, for editors, and what it tells of the keys that a place takes."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any, Final

from repit_server.catalog.document import Key
from repit_server.catalog.model import ApiCampaign, Document

SCHEMA_ID: Final = "https://repit.dev/schema/catalog-1.json"
"""Names the format of the document in its JSON Schema; 1 is the number that stands at `repit:`."""

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

Schema = dict[str, Any]


def catalog_schema() -> Schema:
    """Give the JSON Schema (draft 2020-12) of what the engine serves; what is not served yet is not in it."""
    schema = {"$schema": _DIALECT, "$id": SCHEMA_ID, **_schema_of(Document)}
    schema["title"] = "Répit catalog"
    return schema


def keys_at(path: Sequence[Key], part: type[Document | ApiCampaign] = Document) -> tuple[str, ...]:
    """List the keys that the mapping at `path` takes; empty where it takes any name, or is no mapping."""
    root = _schema_of(part)
    here = root
    for key in path:
        here = _inner(_resolved(root, here, "array" if isinstance(key, int) else "object"), key)
    return tuple(_resolved(root, here, "object").get("properties", ()))


@functools.cache
def _schema_of(part: type[Document | ApiCampaign]) -> Schema:
    schema: Schema = _tidy(part.model_json_schema(by_alias=True))
    return schema


def _inner(schema: Schema, key: Key) -> Schema:
    if isinstance(key, int):
        found = schema.get("items", {})
    else:
        of_any_name = next(iter(schema.get("patternProperties", {}).values()), schema.get("additionalProperties"))
        found = schema.get("properties", {}).get(key) or of_any_name
    return found if isinstance(found, dict) else {}


def _resolved(root: Schema, schema: Schema, form: str) -> Schema:
    """Follow references, and choose the `form`, object or array, where a value has two."""
    if "$ref" in schema:
        return _resolved(root, root["$defs"][schema["$ref"].rpartition("/")[2]], form)
    forms = [_resolved(root, inner, form) for inner in schema.get("oneOf", ())]
    return next((inner for inner in forms if inner.get("type") == form), schema)


def _tidy(schema: Any) -> Any:  # noqa: ANN401 - a JSON Schema is any JSON
    """Leave out what pydantic says of itself: titles made from names, and the null that stands for a key left out."""
    if isinstance(schema, list):
        return [_tidy(entry) for entry in schema]
    if not isinstance(schema, dict):
        return schema
    tidied = {key: _tidy_value(key, value) for key, value in schema.items() if not _is_noise(key, value)}
    forms = tidied.get("anyOf", ())
    if {"type": "null"} in forms:
        others = [form for form in forms if form != {"type": "null"}]
        tidied.pop("anyOf")
        tidied = {**others[0], **tidied} if len(others) == 1 else {"oneOf": others, **tidied}
    return tidied


def _tidy_value(key: str, value: Any) -> Any:  # noqa: ANN401 - a JSON Schema is any JSON
    if key in {"properties", "$defs"} and isinstance(value, Mapping):
        return {name: _tidy(inner) for name, inner in value.items()}
    if key == "default" and isinstance(value, Mapping):
        return {name: inner for name, inner in value.items() if inner is not None}
    return _tidy(value)


def _is_noise(key: str, value: object) -> bool:
    return key == "title" or (key == "default" and value is None)
