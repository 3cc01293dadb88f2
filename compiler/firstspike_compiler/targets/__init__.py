"""What a network can be compiled for: limits in YAML files under one schema (`schema/target.schema.json`)."""

import json
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from firstspike_compiler.deployment.manifest_file import plain_yaml
from firstspike_contract.common.errors import FirstspikeError
from firstspike_contract.common.names import choose

__all__ = ["DEFAULT_TARGET", "BuildDevice", "Target", "list_targets", "load_target"]

DEFAULT_TARGET = "ulx3s-85f"


@dataclass(frozen=True, kw_only=True)
class BuildDevice:
    """What a bitstream is made for.

    family, part, options: of nextpnr. lut, dsp: of the device. cores: that fit it, the preferred one first, with the
    clock in MHz unless the command line says otherwise. planned: those of them whose block memories are given their
    sites before placement, and that are routed with more patience. clock_mhz: of the board's oscillator. board: its
    file in firstspike_hw.board.pins. loader: options of openFPGALoader.
    """

    family: str
    part: str
    options: tuple[str, ...]
    lut: int
    dsp: int
    cores: dict[str, float]
    clock_mhz: float
    board: str
    loader: tuple[str, ...]
    planned: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Target:
    """Limits of a target.

    steps, stages, addresses, rows: largest T, layers, input addresses, neurons per lane.
    a_bits, v_bits: signed widths of the accumulators.
    lanes:   per kernel, lanes over all stages together; a kernel that is absent is not built in.
    blocks:  block memories for weights, of device_blocks. shapes: (words, bits) that a block can be.
    device:  what firstspike build makes a bitstream for, or None.
    verilog_cores: cores that it writes as Verilog, the preferred one first.
    """

    name: str
    description: str
    steps: int
    stages: int
    addresses: int
    rows: int
    a_bits: int
    v_bits: int
    lanes: dict[str, int]
    blocks: int
    device_blocks: int
    shapes: tuple[tuple[int, int], ...]
    device: BuildDevice | None = None
    verilog_cores: tuple[str, ...] = ()


def list_targets() -> dict[str, str]:
    """Names and descriptions of the targets that ship, by name."""
    return {name: load_target(name).description for name in _shipped()}


def load_target(name: str) -> Target:
    """A shipped target by name, or one from a `.yaml` file by its path.

    Raises UsageError: no target of that name (the nearest is suggested). FirstspikeError: a file against the schema.
    """
    if name.endswith((".yaml", ".yml")) and Path(name).is_file():
        try:
            return _parse(Path(name).read_text("utf-8"), name)
        except UnicodeDecodeError as error:
            raise FirstspikeError(f"{name}: not text in UTF-8; copy a shipped one, e.g. ulx3s-85f.yaml") from error
    choose("target", name, _shipped())
    return _parse(resources.files(__package__).joinpath(f"{name}.yaml").read_text("utf-8"), f"{name}.yaml")


def _shipped() -> list[str]:
    files = [entry.name for entry in resources.files(__package__).iterdir()]
    return sorted(name.removesuffix(".yaml") for name in files if name.endswith(".yaml"))


def _parse(text: str, where: str) -> Target:
    import jsonschema

    try:
        content = plain_yaml(text)
    except ValueError as error:
        raise FirstspikeError(f"{where}: {error}; copy a shipped one, e.g. ulx3s-85f.yaml") from error
    wrong = jsonschema.exceptions.best_match(jsonschema.Draft202012Validator(_schema()).iter_errors(content))
    if wrong is not None:
        raise FirstspikeError(
            f"{where}: {wrong.json_path.replace('$', 'target', 1)} does not follow the schema: {wrong.message}"
        )
    limits, memory, device = content["limits"], content["memory"], content.get("device")
    if device is not None:
        fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in device.items()}
        device = BuildDevice(**fields)
        for name in device.planned:
            if name not in device.cores:
                raise FirstspikeError(
                    f"{where}: target.device.planned names {name}, which is none of its cores; use one of "
                    f"{', '.join(device.cores)}"
                )
    return Target(
        name=content["name"],
        description=content["description"],
        **limits,
        lanes=content["lanes"],
        blocks=memory["for_weights"],
        device_blocks=memory["blocks"],
        shapes=tuple((words, bits) for words, bits in memory["shapes"]),
        device=device,
        verilog_cores=tuple(content.get("verilog", ())),
    )


def _schema() -> dict[str, Any]:
    text = resources.files("firstspike_compiler").joinpath("schema/target.schema.json").read_text("utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema
