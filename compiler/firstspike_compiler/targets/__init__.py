"""Targets that a network can be compiled for: YAML files with limits, under `schema/target.schema.json`."""

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
    """The FPGA and board that a bitstream is made for.

    family:    FPGA family, `ecp5` or `ice40`.
    part:      part number, as it is sold.
    options:   options of nextpnr for this part.
    lut, dsp:  four-input tables and multipliers of the device.
    cores:     cores that fit the device, the preferred one first, each with its clock in MHz; the command line may
               choose another clock.
    clock_mhz: frequency of the board's oscillator.
    board:     name of the board's file in firstspike_hw.board.pins.
    loader:    options of openFPGALoader.
    planned:   cores whose block memories get their sites before placement, and that are routed with more patience.
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
    """The limits of a target.

    steps, stages:  largest T; largest number of layers.
    addresses:      largest number of inputs.
    rows:           largest number of neurons per lane.
    a_bits, v_bits: signed widths of the accumulators A and V.
    lanes:          for each kernel, the lanes of all stages together; the target lacks a kernel that is absent.
    blocks:         block memories for weights.
    device_blocks:  block memories of the device.
    shapes:         (words, bits) that one block can be.
    device:         FPGA and board for which `firstspike build` makes a bitstream, or None.
    verilog_cores:  cores that `firstspike build` writes as Verilog, the preferred one first.
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
    """Returns the description of every target that ships, by name."""
    return {name: load_target(name).description for name in _shipped()}


def load_target(name: str) -> Target:
    """Returns the shipped target of that name, or the target in the `.yaml` file at that path.

    Raises UsageError, with the nearest name, if no target has that name, and FirstspikeError if the file does not
    follow the schema.
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
