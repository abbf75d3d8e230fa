"""The contract with the city as tests see it: the AsyncAPI file, its schemas, and which one a topic follows."""

import json
import re
from functools import cache
from pathlib import Path

import jsonschema
import yaml

PROTOCOL = Path(__file__).parent.parent / "protocol"


@cache
def asyncapi() -> dict:
    """Return the parsed AsyncAPI file."""
    return yaml.safe_load((PROTOCOL / "asyncapi.yaml").read_text(encoding="utf-8"))


@cache
def schema(name: str) -> dict:
    """Return a schema of protocol/schemas by its name without suffix."""
    return json.loads((PROTOCOL / "schemas" / f"{name}.json").read_text(encoding="utf-8"))


def resolve(pointer: str) -> dict:
    """Return what a `#/…` reference of the AsyncAPI file names."""
    found = asyncapi()
    for part in pointer.removeprefix("#/").split("/"):
        found = found[part]
    return found


def schema_of_topic(topic: str, prefix: str = "yiping/v1") -> str:
    """Return the name of the schema that messages on this topic follow; KeyError for a topic outside the contract."""
    for channel in asyncapi()["channels"].values():
        address = channel["address"].replace("{prefix}", prefix)
        if re.fullmatch(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(address)), topic):
            (message,) = channel["messages"].values()
            return Path(resolve(message["$ref"])["payload"]["$ref"]).stem
    raise KeyError(topic)


def validate(topic: str, payload: bytes) -> None:
    """Raise jsonschema.ValidationError unless the message is as the contract says."""
    name = schema_of_topic(topic)
    checker = jsonschema.Draft202012Validator(schema(name), format_checker=jsonschema.FormatChecker())
    checker.validate(json.loads(payload))
