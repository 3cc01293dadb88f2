"""firstspike compile: from a network to a deployment directory."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from firstspike.cli.answer import Answer
from firstspike.cli.events_for import encoded, load_limited
from firstspike.cli.network_file import add_network_options, read_network
from firstspike.cli.options import at_least, time_steps
from firstspike.report import Progress, table
from firstspike_contract import EventSet

from .check import DEFAULT_TARGET

if TYPE_CHECKING:
    from firstspike_compiler.ir import NetworkIR
    from firstspike_compiler.targets import Target

__all__ = ["EXAMPLE", "SUMMARY", "add_arguments", "compile_to", "describe", "run"]

SUMMARY: Final = "compile a network to a deployment directory"
EXAMPLE: Final = """\
  firstspike compile examples/mnist-784-600-10.nir -o build/mnist --target ulx3s-85f --calibrate mnist:train
  Writes manifest.yaml, image.bin and golden.npz; a network trained in integers keeps exactly those integers."""

CALIBRATION_IMAGES: Final = 500  # of the --calibrate data, from its beginning


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """NET -o DIR and how to compile."""
    add = parser.add_argument
    add("network", metavar="NET", type=Path, help="a .nir file")
    add("-o", "--output", required=True, type=Path, metavar="DIR", help="deployment directory to write")
    add("--target", default=DEFAULT_TARGET, help=f"see firstspike targets (default {DEFAULT_TARGET})")
    add("--steps", type=time_steps, metavar="T", help="number of time codes: 16 .. 256 (default: the network's own)")
    add("--calibrate", metavar="DATA", help="data for the quantisation report and the golden answers")
    images = f"images of it to use (default {CALIBRATION_IMAGES})"
    add("--calibration-images", type=at_least(1), default=CALIBRATION_IMAGES, metavar="N", help=images)
    add("--keep-inputs", action="store_true", help="keep inputs whose weights are all zero")
    add("--force", action="store_true", help="replace an existing deployment directory")
    add_network_options(parser)


def run(args: argparse.Namespace) -> Answer:
    """Check, compile, write."""
    from firstspike_compiler.deployment import check_output
    from firstspike_compiler.targets import load_target

    check_output(args.output, force=args.force)
    target = load_target(args.target)
    ir = read_network(args, args.network)
    steps = args.steps or ir.steps
    calibration = original = None
    if args.calibrate is not None:
        images = load_limited(args.calibrate, args.calibration_images)
        calibration, original = (
            encoded(images, addresses=ir.addresses, steps=grid, name=ir.encoding.name, late=late_code(ir, grid))
            for grid in (steps, ir.steps)
        )
    manifest = compile_to(
        args.output,
        ir,
        target,
        steps=steps,
        calibration=calibration,
        original=original,
        keep_inputs=args.keep_inputs,
        source=args.network,
        force=args.force,
    )
    data = {"output": args.output, "network": args.network, "target": args.target, **summary(manifest)}
    return Answer(text=f"{args.output}: {describe(manifest)}", data=data)


def late_code(ir: "NetworkIR", steps: int) -> int | None:
    """Time code of the encoding's latest spike on a grid of `steps`."""
    from firstspike_compiler.passes.grid import lay_grid

    return lay_grid(ir, steps).late


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
) -> dict[str, Any]:
    """Compile and write; returns the manifest. Raises RuleViolations, FirstspikeError."""
    from firstspike_compiler.deployment import write_deployment
    from firstspike_compiler.pipeline import compile_network

    with StageProgress() as progress:
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
    return compiled.manifest


def summary(manifest: dict[str, Any]) -> dict[str, Any]:
    """What `--json` says of a deployment."""
    names = ("kernel", "fraction_bits", "encoding", "sizes", "inputs", "weight_blocks", "estimates", "report")
    return {"steps_grid": manifest["steps"], **{name: manifest[name] for name in names}}


def describe(manifest: dict[str, Any]) -> str:
    """The deployment in a line, then what quantisation did, layer by layer."""
    report, inputs = manifest["report"], manifest["inputs"]
    sizes = "-".join(map(str, manifest["sizes"]))
    lines = [
        f"{sizes}, {manifest['kernel']}, T = {manifest['steps']}, for {manifest['target']}: {report['summary']}; "
        f"{inputs['dropped']} of {inputs['addresses']} inputs have no weights",
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


class StageProgress:
    """One meter after the other, as the compiler goes through its stages."""

    def __init__(self) -> None:
        self._stage: str | None = None
        self._meter: Progress | None = None

    def __enter__(self) -> Self:
        return self

    def __call__(self, stage: str, done: int, total: int) -> None:
        if stage != self._stage or self._meter is None:
            self._close()
            self._stage, self._meter = stage, Progress(stage).__enter__()
        self._meter(done, total)

    def __exit__(self, *exception: object) -> None:
        self._close()

    def _close(self) -> None:
        if self._meter is not None:
            self._meter.__exit__(None, None, None)
            self._meter = None
