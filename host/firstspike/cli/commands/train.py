"""firstspike train: trains an int8 network by a recipe on a data set.

Tested by tests/host/cli/test_commands.py.
"""

import argparse
import dataclasses
import sys
from pathlib import Path
from typing import Any, Final

from firstspike.cli.answer import Answer
from firstspike.cli.files import refuse_existing
from firstspike.cli.options import at_least, number, one_of, time_steps
from firstspike.datasets import Samples, load
from firstspike_contract.common.errors import FirstspikeError, UsageError

__all__ = ["EXAMPLE", "SUMMARY", "add_arguments", "run"]

SUMMARY: Final = "Train an int8 network by a recipe."
EXAMPLE: Final = """\
  firstspike train mnist --epochs 5 --seed 7 -o quick.nir
  Trains by the shipped recipe mnist, shortened to 5 epochs, in about half a minute. An interrupted training continues
  with --resume. Options replace the values in the recipe."""

# Fields of a recipe that options may replace.
OVERRIDES: Final = (
    "mask",
    "spike_cost",
    "steps",
    "seed",
    "epochs",
    "kernel",
    "hidden",
    "encoding",
    "late",
    "t_max",
    "data",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds [RECIPE] -o NET, and an option for each value of the recipe that may be replaced."""
    add = parser.add_argument
    add(
        "recipe",
        metavar="RECIPE",
        nargs="?",
        default="mnist",
        help="name of a shipped recipe, or a .yaml file (default mnist)",
    )
    add("-o", "--output", required=True, type=Path, metavar="NET", help="network file to write (.nir)")
    add("--data", metavar="DATA", help="data set without its split: mnist, yinyang or a folder of IDX files")
    add("--mask", metavar="checkerboard|FILE", help="inputs that the network sees; FILE is a .npy file of booleans")
    add(
        "--lambda",
        dest="spike_cost",
        type=number("0.0035"),
        metavar="COST",
        help="cost of a hidden spike in the loss; a larger cost gives fewer spikes",
    )
    add("--steps", type=time_steps, metavar="T", help="number of time steps: 16, 32, 64, 128 or 256")
    add("--seed", type=at_least(0), help="seed of all random numbers; equal seeds give equal networks")
    add("--epochs", type=at_least(1), help="passes over the training data")
    add("--kernel", type=one_of("kernel", ("linear", "exponential")), help="kernel: linear or exponential")
    add("--hidden", type=_sizes, metavar="N[,N...]", help="neurons of each hidden layer, such as 600")
    add(
        "--encoding",
        type=one_of("encoding", ("binary", "two-time", "latency")),
        help="encoding of the values: binary, two-time or latency",
    )
    add("--late", type=number("1.5"), metavar="TIME", help="time of the latest input spike, for two-time and latency")
    add("--t-max", type=number("1.4"), metavar="TIME", help="length of the time window")
    add("--resume", action="store_true", help="continue an interrupted training from its checkpoint")
    add("--force", action="store_true", help="overwrite an existing output, and start from the beginning")


def run(args: argparse.Namespace) -> Answer:
    """Trains the network. A checkpoint is kept beside the output until the network is written."""
    from firstspike_compiler.formats.nir.writer import write_nir
    from firstspike_compiler.training import load_recipe, train

    changes = {name: value for name in OVERRIDES if (value := getattr(args, name)) is not None}
    if args.encoding == "binary" and args.late is None:
        changes["late"] = None  # replaces the recipe's value, because this encoding has no late spikes
    recipe = dataclasses.replace(load_recipe(args.recipe), **changes)
    refuse_existing(args.output, force=args.force)
    checkpoint = args.output.with_name(args.output.name + ".checkpoint")
    _check_checkpoint(checkpoint, resume=args.resume, force=args.force)
    samples = _samples(f"{recipe.data}:train")
    held_out = None
    if recipe.validation == 0:
        own = _samples(f"{recipe.data}:validation")
        held_out = (own.values, own.labels)
    ir = train(
        recipe,
        samples.values,
        samples.labels,
        validation=held_out,
        checkpoint=checkpoint,
        resume=args.resume,
        epoch_done=_epoch_line,
    )
    write_nir(ir, args.output)
    checkpoint.unlink(missing_ok=True)
    figures = dict(ir.record.get("validation", {}))
    shown = ", ".join(f"{name} {value}" for name, value in figures.items() if name not in ("epoch", "epochs"))
    data = {"output": args.output, "recipe": dataclasses.asdict(recipe), "validation": figures}
    return Answer(text=f"{args.output}: {recipe.kernel}, T = {recipe.steps}; on held-out data: {shown}", data=data)


def _samples(spec: str) -> Samples:
    found = load(spec)
    if not isinstance(found, Samples):
        raise UsageError(f"training needs values, not events: have {spec}; for example --data mnist")
    return found


def _check_checkpoint(checkpoint: Path, *, resume: bool, force: bool) -> None:
    if resume and not checkpoint.exists():
        raise UsageError(f"--resume continues from {checkpoint}, which does not exist; leave out --resume to start")
    if checkpoint.exists() and not resume and not force:
        raise FirstspikeError(
            f"{checkpoint} holds an unfinished training; continue with --resume, or start afresh with --force"
        )


def _epoch_line(figures: dict[str, Any]) -> None:
    """Prints one line for an epoch if stderr is a terminal."""
    if sys.stderr.isatty():
        rest = ", ".join(f"{name} {value}" for name, value in figures.items() if name not in ("epoch", "epochs"))
        print(f"epoch {figures['epoch']}/{figures['epochs']}: {rest}", file=sys.stderr)


def _sizes(word: str) -> tuple[int, ...]:
    try:
        sizes = tuple(int(part) for part in word.split(","))
    except ValueError:
        sizes = ()
    if not sizes or min(sizes) < 1:
        raise argparse.ArgumentTypeError(f"{word!r} is not a list of layer sizes, such as 600 or 300,100")
    return sizes
