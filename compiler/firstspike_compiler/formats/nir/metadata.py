"""Writes and reads metadata["firstspike"] of a NIR graph: a JSON string under `schema/nir-metadata.schema.json`.

docs/nir.md describes its entries.
"""

import json
import math
from functools import cache
from importlib import resources
from typing import Any

import numpy as np

from firstspike_compiler.ir import LayerIR, NetworkIR
from firstspike_contract.common.errors import FirstspikeError

__all__ = ["METADATA_VERSION", "metadata_of", "metadata_schema", "parse_metadata"]

METADATA_VERSION = 1
MAX_DEPTH = 32  # nested lists and objects; less than the manifest may have, which repeats the training record
_TOO_DEEP = f"nested deeper than {MAX_DEPTH} levels"
ROUNDING = "nearest-half-up"


@cache
def metadata_schema() -> dict[str, Any]:
    """Returns the published JSON schema."""
    text = resources.files("firstspike_compiler").joinpath("schema/nir-metadata.schema.json").read_text("utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def metadata_of(ir: NetworkIR) -> str:
    """Returns the JSON string that `write_nir` stores; equal networks give equal strings."""
    content = {
        "version": METADATA_VERSION,
        "kernel": ir.kernel,
        "t_max": float(ir.t_max),
        "steps": int(ir.steps),
        "rounding": ROUNDING,
        "encoding": {"name": ir.encoding.name, "t_late": ir.encoding.t_late},
        "mask": None if ir.mask is None else "".join("1" if seen else "0" for seen in ir.mask),
        "constant_inputs": [
            {"node": constants_node(layer), "times": [float(t) for t in layer.constant_times]}
            for layer in ir.layers
            if layer.constants
        ],
        "layers": [
            {"node": layer.name, "scale": layer.scale, "bits": 8, "fraction_bits": ir.fraction_bits}
            for layer in ir.layers
        ],
        "training": ir.record,
    }
    try:
        return json.dumps(content, sort_keys=True, allow_nan=False, default=_plain)
    except (TypeError, ValueError) as error:
        raise FirstspikeError(f"the metadata must be plain JSON: {error}; numbers must be finite, e.g. 0.98") from error


def constants_node(layer: LayerIR) -> str:
    """Returns the name that `write_nir` gives to the Input node of a layer's constant inputs."""
    return f"{layer.name}_constants"


def parse_metadata(text: str) -> dict[str, Any]:
    """Returns the content of the JSON string, checked against the schema.

    Raises FirstspikeError if the string is not JSON or does not follow the schema (with path and reason).
    """
    import jsonschema

    try:
        content = json.loads(text, parse_constant=_finite, parse_float=_finite, parse_int=_integer)
        _refuse_deep(content, 0)
    except RecursionError as error:
        raise FirstspikeError(f'metadata["firstspike"] must be JSON: {_TOO_DEEP}') from error
    except ValueError as error:
        raise FirstspikeError(f'metadata["firstspike"] must be JSON: {error}') from error
    wrong = jsonschema.exceptions.best_match(jsonschema.Draft202012Validator(metadata_schema()).iter_errors(content))
    if wrong is not None:
        where = wrong.json_path.replace("$", "metadata", 1)
        raise FirstspikeError(f"{where} does not follow the schema (docs/nir.md): {_shorten(wrong.message)}")
    result: dict[str, Any] = content
    return result


def _finite(word: str) -> float:
    value = float(word)
    if not math.isfinite(value):
        raise ValueError(f"{_shorten(word, 40)} is not a finite number, e.g. 1.4")
    return value


def _integer(word: str) -> int:
    if len(word) > 18:
        raise ValueError(f"{_shorten(word, 40)} has more than 18 digits, e.g. 16")
    return int(word)


def _refuse_deep(value: Any, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise ValueError(_TOO_DEEP)
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _refuse_deep(item, depth + 1)


def _shorten(message: str, limit: int = 200) -> str:
    return message if len(message) <= limit else message[: limit - 3] + "..."


def _plain(value: Any) -> Any:
    """Returns the plain JSON form of a numpy scalar or array in a training record."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} has no JSON form")
