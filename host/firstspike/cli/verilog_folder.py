"""Writes a core with a deployment's weights as Verilog, for synthesis tools that the project does not use itself.

Tested by tests/host/cli/test_build.py.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from firstspike.report import ProgressLine
from firstspike_contract import CONFIGS

from .cores import chosen_core, estimated

if TYPE_CHECKING:
    from firstspike_compiler.deployment import Deployment
    from firstspike_compiler.targets import Target

__all__ = ["write_verilog"]


def write_verilog(
    deployment: "Deployment", target: "Target", folder: Path, *, core: str | None, clock_mhz: float | None
) -> dict[str, Any]:
    """Writes firstspike_core.v and package.tcl into the folder. Returns the facts of the build.

    core:      name of the core. None means the target's first core that holds the network.
    clock_mhz: clock for the estimate, MHz. None means 100.

    Raises FirstspikeError if the network fits none of the target's cores.
    """
    from firstspike_contract.core.loading import load_plan
    from firstspike_hw.board.pins import vivado_script
    from firstspike_hw.core.contents import contents_of
    from firstspike_hw.emit.verilog import CORE, CORE_PATH, emit

    name = chosen_core(deployment.network, target.name, dict.fromkeys(target.verilog_cores, 0.0), core)
    config = CONFIGS[name]
    with ProgressLine("build: Verilog") as progress:
        progress.waiting()
        contents = contents_of(load_plan(deployment.network, config), config, CORE_PATH)
        text = emit(config, contents=contents)
    (folder / f"{CORE}.v").write_text(text)
    (folder / "package.tcl").write_text(vivado_script())
    return {
        "target": target.name,
        "core": name,
        "files": [f"{CORE}.v", "package.tcl"],
        "image_sha256": deployment.manifest["files"]["image.bin"]["sha256"],
        "estimate": estimated(deployment, config, clock_mhz=clock_mhz or 100.0),
    }
