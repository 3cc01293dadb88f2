"""firstspike build --target verilog: the core with its weights inside, for tools that the project does not have."""

import argparse
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firstspike.cli.commands.estimate import chosen_core, estimated
from firstspike.report import Progress
from firstspike_contract import CONFIGS

from .answer import facts

if TYPE_CHECKING:
    from firstspike_compiler.deployment import Deployment
    from firstspike_compiler.targets import Target

__all__ = ["write_verilog"]


def write_verilog(
    args: argparse.Namespace, deployment: "Deployment", target: "Target", folder: Path
) -> tuple[dict[str, Any], str]:
    """firstspike_core.v and package.tcl into the folder. Returns the facts, and them as text.

    Raises FirstspikeError if the network fits none of the target's cores.
    """
    from firstspike_contract.core.loading import load_plan
    from firstspike_hw.core.contents import contents_of
    from firstspike_hw.emit.verilog import CORE, CORE_PATH, emit

    name = chosen_core(deployment.network, target.name, dict.fromkeys(target.verilog_cores, 0.0), args.core)
    config = CONFIGS[name]
    with Progress("build: Verilog") as progress:
        progress.waiting()
        contents = contents_of(load_plan(deployment.network, config), config, CORE_PATH)
        text = emit(config, contents=contents)
    (folder / f"{CORE}.v").write_text(text)
    script = resources.files("firstspike_hw").joinpath("board/pins/package.tcl").read_text("utf-8")
    (folder / "package.tcl").write_text(script)
    clock = args.clock or 100.0
    data = {
        "deployment": args.deployment,
        "output": args.output,
        "target": target.name,
        "core": name,
        "files": [f"{CORE}.v", "package.tcl"],
        "image_sha256": deployment.manifest["files"]["image.bin"]["sha256"],
        "estimate": estimated(deployment, config, clock_mhz=clock),
    }
    note = "not synthesised here: package.tcl is for Vivado, which this project does not have"
    return data, f"{facts(data)}\n{note}"
