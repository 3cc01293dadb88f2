"""Reads manifest.yaml with care: it may come from anyone, and unlike the other two files it has no checksum."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import yaml

from firstspike_contract import KERNELS, Network
from firstspike_contract.common.errors import FirstspikeError

__all__ = ["FORMAT", "MANIFEST_VERSION", "check_against", "parse_manifest", "plain_yaml"]

FORMAT: Final = "firstspike-deployment"
MANIFEST_VERSION: Final = 1
MAX_DEPTH: Final = 64
ENCODINGS: Final = ("binary", "two-time", "latency", "events")


class _Loader(yaml.SafeLoader):
    """A YAML loader for plain values.

    It refuses aliases, because a few lines of them can stand for gigabytes, or for a list that contains itself.
    """

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("it has aliases")
        return super().compose_node(parent, index)


def plain_yaml(text: str) -> Any:
    """Reads YAML that JSON could hold too: mappings with text keys, lists, text, finite numbers, booleans, null.

    Raises ValueError, with a reason in one line, for any other text.
    """
    try:
        content = yaml.load(text, Loader=_Loader)  # derived from SafeLoader
    except (yaml.YAMLError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        # pyyaml raises the middle four for a value that contradicts its own tag, as in `!!bool perhaps`
        raise ValueError("not readable as YAML") from error
    _refuse_odd(content, "", 0)
    return content


def _refuse_odd(value: Any, where: str, depth: int) -> None:
    place = where.removeprefix(".") or "it"
    if depth > MAX_DEPTH:
        raise ValueError(f"{place[:40]} is nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise ValueError(f"{place} has the key {str(key)[:40]}, which is no text")
            _refuse_odd(item, f"{where}.{key}", depth + 1)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _refuse_odd(item, f"{where}[{index}]", depth + 1)
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{place} is {value}, which is no number; for example 0.5")
    elif isinstance(value, int) and abs(value) >= 2**63:
        raise ValueError(f"{place} is a number of more than 64 bits; for example 16")
    elif value is not None and not isinstance(value, str | int | float):
        raise ValueError(f"{place} is a {type(value).__name__}; write it as text, for example '2026-01-31'")


def _code(value: Any) -> bool:
    return value is None or (type(value) is int and 0 <= value < 256)


def _count(value: Any) -> bool:
    return type(value) is int and value >= 0


# The entries that other code reads by name: (place, test of the value, example of a right one). An entry may be absent;
# the code that reads it deals with that.
_ENTRIES: Final[tuple[tuple[str, Callable[[Any], bool], str], ...]] = (
    (
        "files",
        lambda v: isinstance(v, dict) and all(isinstance(e, dict) for e in v.values()),
        "image.bin: {sha256: ..}",
    ),
    ("source", lambda v: v is None or isinstance(v, dict), "file: network.nir"),
    ("source.file", lambda v: isinstance(v, str), "network.nir"),
    ("target", lambda v: isinstance(v, str), "ulx3s-85f"),
    ("kernel", lambda v: v in KERNELS, "linear"),
    ("encoding", lambda v: isinstance(v, dict), "name: binary"),
    ("encoding.name", lambda v: v in ENCODINGS, "binary"),
    ("encoding.late", _code, "15"),
    ("inputs", lambda v: isinstance(v, dict), "addresses: 784"),
    ("inputs.addresses", _count, "784"),
    ("inputs.rows", _count, "717"),
    ("inputs.dropped", _count, "67"),
    ("inputs.masked", _count, "392"),
)


def parse_manifest(text: str, path: Path) -> dict[str, Any]:
    """Returns the content of a manifest.

    path: path of the manifest, for messages.

    Raises FirstspikeError if the text is not YAML, has values that are not plain, is of another format or version, or
    has an entry of a wrong type.
    """
    try:
        content = plain_yaml(text)
    except ValueError as error:
        raise FirstspikeError(f"{path}: {error}; compile again") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise FirstspikeError(f"{path}: not the manifest of a deployment (format: {FORMAT}); compile again")
    if content.get("version") != MANIFEST_VERSION:
        raise FirstspikeError(f"{path}: version {content.get('version')}, not {MANIFEST_VERSION}; compile again")
    if "files" not in content:
        raise FirstspikeError(f"{path}: lists no files; compile again")
    for name, right, example in _ENTRIES:
        value: Any = content
        for part in name.split("."):
            value = value.get(part, _ABSENT) if isinstance(value, dict) else _ABSENT
        if value is not _ABSENT and not right(value):
            raise FirstspikeError(f"{path}: {name} is {str(value)[:40]}, not as in {name}: {example}; compile again")
    return content


_ABSENT: Final = object()


def check_against(manifest: dict[str, Any], network: Network, path: Path) -> None:
    """Raises FirstspikeError if the manifest describes another network than the image holds."""
    holds = {"kernel": network.kernel, "steps": network.steps, "sizes": list(network.sizes)}
    for name, value in holds.items():
        if name in manifest and manifest[name] != value:
            raise FirstspikeError(
                f"{path}: {name} is {str(manifest[name])[:40]}, image.bin holds a network of {name} {value}; "
                "compile again"
            )
