"""Compiles a network to a deployment directory, and describes the deployment.

Tested by tests/host/cli/test_commands.py.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from firstspike.report import ProgressLine, table
from firstspike_contract import EventSet

if TYPE_CHECKING:
    from firstspike_compiler.ir import NetworkIR
    from firstspike_compiler.lowered import PassNote
    from firstspike_compiler.pipeline import Compiled
    from firstspike_compiler.targets import Target

__all__ = ["compile_to", "describe", "explain", "late_code", "summary"]


def compile_to(
    output: Path,
    ir: "NetworkIR",
    target: "Target",
    *,
    steps: int,
    calibration: EventSet | None,
    original: EventSet | None = None,
    keep_inputs: bool,
    source: Path,
    force: bool,
) -> "Compiled":
    """Compiles a network and writes the deployment. Raises RuleViolations, FirstspikeError."""
    from firstspike_compiler.deployment import write_deployment
    from firstspike_compiler.pipeline import compile_network

    with ProgressLine("compile") as progress:
        compiled = compile_network(
            ir,
            target,
            steps=steps,
            calibration=calibration,
            original=original,
            keep_inputs=keep_inputs,
            progress=progress,
            source=source,
        )
    write_deployment(output, compiled, force=force)
    return compiled


def late_code(ir: "NetworkIR", steps: int) -> int | None:
    """Returns the time code of the encoding's latest spike on a grid of `steps` time steps."""
    from firstspike_compiler.passes.grid import lay_grid

    return lay_grid(ir, steps).late


def summary(manifest: dict[str, Any]) -> dict[str, Any]:
    """Returns the facts of a deployment that `--json` prints."""
    names = ("kernel", "fraction_bits", "encoding", "sizes", "inputs", "weight_blocks", "estimates", "report")
    return {"steps_grid": manifest["steps"], **{name: manifest[name] for name in names}}


def describe(manifest: dict[str, Any]) -> str:
    """Describes the deployment in a line, then the effect of quantisation on each layer."""
    report, inputs = manifest["report"], manifest["inputs"]
    sizes = "-".join(map(str, manifest["sizes"]))
    lines = [
        f"{sizes}, {manifest['kernel']}, T = {manifest['steps']}, for {manifest['target']}: {report['summary']}; "
        f"{inputs['dropped']} of {inputs['addresses']} inputs are dropped",
        "",
        table([{k: v for k, v in layer.items() if k != "scale"} for layer in report["layers"]]),
    ]
    if report["measured_on"]:
        figures = ("accuracy_float", "accuracy_int", "decisions_changed", "silent_rate")
        found = ", ".join(f"{name} {report[name]:.4g}" for name in figures if name in report)
        lines += ["", f"on {report['measured_on']}: {found}"]
    if "regrid" in report:
        change = report["regrid"]
        lines += ["", "new time grid: " + ", ".join(f"{name} {value}" for name, value in change.items())]
    return "\n".join(lines)


def explain(notes: "tuple[PassNote, ...]") -> str:
    """Describes every pass in its order: its purpose, and its changes."""
    lines = []
    for number, note in enumerate(notes, 1):
        lines.append(f"{number}. {note.name}: {note.does}")
        lines += [f"   {line}" for line in note.changed]
    return "\n".join(lines)
