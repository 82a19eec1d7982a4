"""The JSON Schema for editors, and the closed sets: every key and every error is known, documented and tested."""

import re
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from pydantic import ValidationError

from repit_server.catalog import CatalogError, Document, catalog_schema, compile_catalog
from repit_server.catalog.document import read_document
from repit_server.catalog.problems import BOUNDS, PHRASES
from repit_server.catalog.rules import RULE_KINDS, RULE_KINDS_NOT_SERVED, Rule
from repit_server.catalog.schema import SCHEMA_ID, keys_at
from repit_server.catalog.values import EngagementKind, Part

GOLDEN = Path(__file__).parent / "golden"
PAGE = Path(__file__).parents[3] / "docs" / "reference" / "catalog.md"


def _parts(part: type[Part] = Part) -> list[type[Part]]:
    return [inner for direct in part.__subclasses__() for inner in (direct, *_parts(direct))]


def _mappings(schema: Any) -> list[dict[str, Any]]:
    if isinstance(schema, list):
        return [found for entry in schema for found in _mappings(entry)]
    if not isinstance(schema, dict):
        return []
    own = [schema] if "properties" in schema else []
    return own + [found for entry in schema.values() for found in _mappings(entry)]


def test_the_schema_names_its_dialect_and_itself() -> None:
    schema = catalog_schema()
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == SCHEMA_ID
    assert schema["required"] == ["repit", "zone", "channels"]


def test_the_schema_describes_every_key_and_takes_no_other() -> None:
    for mapping in _mappings(catalog_schema()):
        assert mapping["additionalProperties"] is False
        for name, key in mapping["properties"].items():
            assert key.get("description"), name


def test_the_schema_takes_the_document_of_the_contract_and_not_what_is_wrong_with_it() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    validator = jsonschema.Draft202012Validator(catalog_schema())
    document = yaml.safe_load((GOLDEN / "contract.yaml").read_text("utf-8"))
    document["campaigns"]["spring-weekends"]["active"] = {"from": "2026-03-01", "until": "2026-05-31"}
    assert list(validator.iter_errors(document)) == []
    document["channels"]["sms"]["hours"] = {}
    document["policies"][0]["rules"][0]["frequency_cap"]["limit"] = None
    document["policies"][0]["rules"][3]["back_off"]["rests"] = ["2w"]
    assert len(list(validator.iter_errors(document))) == 3


def test_the_document_of_every_key_has_every_key_and_fits_the_schema() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    text = (GOLDEN / "every-key.yaml").read_text("utf-8")
    assert compile_catalog(text).findings == ()
    validator = jsonschema.Draft202012Validator(catalog_schema())
    document = read_document(text)[0].plain()
    assert list(validator.iter_errors(document)) == []
    for part in _parts():
        for name, field in part.model_fields.items():
            is_written = field.description is not None and not field.description.startswith("Of caps alone")
            assert not is_written or f"{field.alias or name}:" in text or name == "name", f"{part.__name__}.{name}"
    document["channels"]["call"]["capacity"][0]["window"] = {"sliding": "1d"}
    document["segments"]["silent"]["when"] = {"unanswered_at_least": 0}
    document["campaigns"]["world-tour"]["budget"] = {"amount": 3, "currency": "euro"}
    document["policies"][2]["rules"][0]["holdout"]["share"] = 2
    assert len(list(validator.iter_errors(document))) == 4


def test_the_schema_does_not_offer_what_is_not_served_yet() -> None:
    assert set(keys_at(("policies", 0, "rules", 0))) == {"name", *RULE_KINDS}
    assert "hours" not in keys_at(("channels", "sms"))
    assert keys_at(("segments", "loyal")) == ("when",)
    assert keys_at(("policies", 0, "rules", 0, "respite", "for")) == ("days", "zone")
    assert keys_at(("nowhere", 0)) == ()


def test_the_keys_of_a_place_are_known_in_either_form_of_its_value() -> None:
    keys = ("limit", "window", "per", "shares", "lend", "declared_unused")
    assert keys_at(("channels", "call", "capacity")) == keys
    assert keys_at(("channels", "call", "capacity", 0)) == keys
    assert keys_at(("policies", 0, "rules", 0, "capacity", 1, "window")) == (
        "calendar",
        "lifetime",
        "zone",
        "week_starts",
    )


def test_every_kind_of_rule_is_served_or_refused_as_not_served_yet() -> None:
    assert set(Rule.model_fields) == {"name", *RULE_KINDS, *RULE_KINDS_NOT_SERVED}


def test_a_rule_may_name_every_kind_of_engagement_but_sent() -> None:
    kinds = "delivered opened clicked answered converted purchased refused complained opted_out bounced"
    assert set(get_args(EngagementKind)) == set(kinds.split())


def test_every_error_of_the_model_has_words() -> None:
    # One of each type that the fields can give: a value of every wrong shape, at every place.
    wrong: list[Any] = [None, "x" * 70, -1, 10**12, 1.5, float("nan"), True, [], ["x"], [None] * 65, {}, {"x": 1}, [[]]]
    known = {*PHRASES, *BOUNDS, "refused", "not_served", "unknown_name", "missing", "extra_forbidden", "literal_error"}
    met: set[str] = set()
    for part in _parts():
        for field, name in ((field, field.alias or name) for name, field in part.model_fields.items()):
            for value in wrong:
                try:
                    part.model_validate({name: value})
                except ValidationError as error:
                    met |= {details["type"] for details in error.errors()}
            assert field.description or name in {*RULE_KINDS_NOT_SERVED, "hours"}
    assert met == known


def test_every_key_stands_on_the_reference_page() -> None:
    page = PAGE.read_text("utf-8")
    for part in _parts():
        for name, field in part.model_fields.items():
            assert f"`{field.alias or name}`" in page, f"{part.__name__}.{name}"


def test_every_document_on_the_reference_page_is_what_the_page_says() -> None:
    blocks = re.findall(r"```yaml( refused)?\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert blocks
    for refused, text in blocks:
        if refused:
            with pytest.raises(CatalogError):
                compile_catalog(text)
        else:
            assert compile_catalog(text).findings == ()


def test_the_document_has_only_keys_that_the_contract_has() -> None:
    keys = "repit zone horizon channels segments offer_families business_units campaigns policies on_store_failure"
    assert set(Document.model_fields) == {*keys.split(), "currency", "fatigue"}
