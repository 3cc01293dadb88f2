"""firstspike compile: compiles a network to a deployment directory.

Tested by tests/host/cli/test_commands.py.
"""

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Final

from firstspike.cli.answer import Answer
from firstspike.cli.compiling import compile_to, describe, explain, late_code, summary
from firstspike.cli.events_for import encoded, load_limited
from firstspike.cli.network_file import add_network_options, read_network
from firstspike.cli.options import at_least, time_steps
from firstspike_compiler.targets import DEFAULT_TARGET

__all__ = ["EXAMPLE", "SUMMARY", "add_arguments", "run"]

SUMMARY: Final = "Compile a network to a deployment directory."
EXAMPLE: Final = """\
  firstspike compile examples/mnist-784-600-10.nir -o build/mnist --target ulx3s-85f --calibrate mnist:train
  Writes manifest.yaml, image.bin and golden.npz. A network that was trained in integers keeps exactly its integers."""

CALIBRATION_IMAGES: Final = 500  # images used from the beginning of the --calibrate data


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds NET -o DIR, and the options that say how to compile."""
    add = parser.add_argument
    add("network", metavar="NET", type=Path, help="network file (.nir)")
    add("-o", "--output", required=True, type=Path, metavar="DIR", help="deployment directory to write")
    add("--target", default=DEFAULT_TARGET, help=f"a target from firstspike targets (default {DEFAULT_TARGET})")
    add(
        "--steps",
        type=time_steps,
        metavar="T",
        help="number of time steps: 16, 32, 64, 128 or 256 (default: the network's own)",
    )
    add("--calibrate", metavar="DATA", help="data set for the quantisation report and the golden images")
    images = f"use the first N images of the --calibrate data (default {CALIBRATION_IMAGES})"
    add("--calibration-images", type=at_least(1), default=CALIBRATION_IMAGES, metavar="N", help=images)
    add("--keep-inputs", action="store_true", help="keep inputs whose weights are all zero")
    add("--explain", action="store_true", help="also print every pass of the compiler and its changes")
    add("--force", action="store_true", help="replace an existing deployment directory")
    add_network_options(parser)


def run(args: argparse.Namespace) -> Answer:
    """Checks and compiles the network, and writes the deployment."""
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
    compiled = compile_to(
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
    data = {"output": args.output, "network": args.network, "target": args.target, **summary(compiled.manifest)}
    text = f"{args.output}: {describe(compiled.manifest)}"
    if args.explain:
        data["passes"] = [asdict(note) for note in compiled.notes]
        text = f"{explain(compiled.notes)}\n\n{text}"
    return Answer(text=text, data=data)
