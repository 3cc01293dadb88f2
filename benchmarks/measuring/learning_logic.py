"""Place and route one core with and without the learning unit, for the ULX3S; print what each takes as one JSON object.

    python benchmarks/measure.py learning_logic --lanes 64

A core that was routed before is not routed again. The block memories of both cores get fixed sites, because nextpnr's
placer cannot spread them otherwise.
"""

import argparse
import dataclasses
import json
from typing import Any

from firstspike.cli.bitstreams import actual, routed_core
from firstspike.report import ProgressLine
from firstspike_compiler.targets import load_target
from firstspike_contract import CONFIGS, CoreConfig
from firstspike_hw.silicon.build import GOAL_MHZ

__all__ = ["main"]

TARGET = "ulx3s-85f"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lanes", type=int, help="lanes of the first stage (default: those of the shipped core)")
    parser.add_argument("--neurons", type=int, default=600, help="neurons of the first stage (default 600)")
    parser.add_argument("--seed", type=int, default=1, help="seed of place and route (default 1)")
    args = parser.parse_args(arguments)
    built = CONFIGS["learning"]
    lanes = args.lanes or built.stages[0].lanes
    rows = -(-args.neurons // lanes)
    first = dataclasses.replace(built.stages[0], lanes=lanes, max_rows=rows)
    found: dict[str, Any] = {"network": None, "target": TARGET, "dataset": None, "split": None, "images": None}
    found |= {"kernel": "linear", "steps": None, "start": "logic", "stage": "post-route", "lanes": lanes, "rows": rows}
    for suffix, learning in (("_without", False), ("", True)):
        stages = tuple(dataclasses.replace(stage, learning=learning) for stage in (first, built.stages[1]))
        figures, tools = _routed(dataclasses.replace(built, stages=stages), args.seed)
        found |= {figure + suffix: value for figure, value in figures.items()}
        found["tools"] = {name.replace("-", "_"): version for name, version in tools.items()}
    for figure in ("lut", "ff"):
        found[f"{figure}_more"] = found[figure] / found[f"{figure}_without"] - 1
    print(json.dumps(found))
    return 0


def _routed(config: CoreConfig, seed: int) -> tuple[dict[str, Any], dict[str, str]]:
    """Places and routes the core; returns what it takes and reaches, and the versions of the tools."""
    chip = load_target(TARGET).device
    assert chip is not None
    with ProgressLine(f"build, learning={config.learns}") as progress:
        design = routed_core(config, chip, clock_mhz=GOAL_MHZ, seed=seed, planned=True, progress=progress)
    return actual(design, chip.family), design.tools
