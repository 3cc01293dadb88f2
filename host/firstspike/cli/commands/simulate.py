"""firstspike simulate: runs a deployment on a data set, in the bit-true model or in simulated gateware.

Tested by tests/host/cli/test_commands.py and tests/host/cli/test_gateware_run.py.
"""

import argparse
from pathlib import Path
from typing import Final

from firstspike.cli.answer import Answer, facts
from firstspike.cli.deployments import described, encoding_of
from firstspike.cli.events_for import events_for, load_limited
from firstspike.cli.files import refuse_existing, whole_file
from firstspike.cli.gateware_run import measured_rtl
from firstspike.cli.model_run import check_golden, draw, measured
from firstspike.cli.options import at_least, one_of
from firstspike_contract import CONFIGS, DROPPED
from firstspike_contract.common.errors import UsageError

__all__ = ["EXAMPLE", "SUMMARY", "add_arguments", "run"]

SUMMARY: Final = "Simulate a deployment on a data set, in the model or in gateware."
EXAMPLE: Final = """\
  firstspike simulate build/demo --level model --data mnist:test --json
  Prints accuracy, spikes, look-ups and speed over the 10,000 test digits. The exit status is 1 if the model differs
  from the recorded golden answers, or the fast model from the plain one, in a single spike.
  firstspike simulate build/demo --level rtl --data mnist:test --limit 200
  Runs the digits in the gateware, simulated by Verilator, and also prints clock cycles, latency and weight rows read.
  The exit status is 1 if a single spike differs from the model."""

LEVELS: Final = ("model", "rtl")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds DIR --data DATA [--level model|rtl] [--limit N], and options for core, waveforms and picture."""
    add = parser.add_argument
    add("deployment", metavar="DIR", type=Path, help="a deployment directory, from firstspike compile")
    add(
        "--data",
        required=True,
        help="data set: mnist:test, yinyang:test, FOLDER:test with IDX files, or an .npz file of events",
    )
    add(
        "--level",
        type=one_of("level", LEVELS),
        default="model",
        help="what runs the network: model (default), the bit-true model, or rtl, the simulated gateware",
    )
    add("--limit", type=at_least(1), metavar="N", help="use the first N images")
    add("--kept-only", action="store_true", help="leave out the events of dropped inputs, which a host need not send")
    add(
        "--core",
        type=one_of("core", tuple(CONFIGS)),
        help="core to simulate with --level rtl (default: the first that fits)",
    )
    add("--waves", type=_trace, metavar="FILE", help="write waveforms (.vcd) of the gateware and a view for GTKWave")
    add("--picture", type=_picture, metavar="FILE", help="draw the decision of one image (.png or .svg)")
    add("--image", type=at_least(0), default=0, metavar="N", help="the image to draw (default 0)")
    add("--force", action="store_true", help="overwrite an existing picture or waveform file")


def run(args: argparse.Namespace) -> Answer:
    """Checks the golden images, runs the data set, compares two implementations, and measures."""
    from firstspike_compiler.deployment import read_deployment

    for path in (args.picture, args.waves):
        if path is not None:
            refuse_existing(path, force=args.force)
    if args.level != "rtl" and (args.core, args.waves) != (None, None):
        raise UsageError("--core and --waves need the gateware; add --level rtl")
    deployment = read_deployment(args.deployment)
    data = load_limited(args.data, args.limit)
    events = events_for(data, deployment.network, encoding_of(deployment))
    if args.kept_only:
        events = events.only(deployment.network.input_map[events.events["x"]] != DROPPED)
    if args.image >= len(events):
        raise UsageError(f"--image {args.image} is not one of the {len(events)} images; for example --image 0")
    if args.level == "rtl":
        from firstspike_sim import FastModel

        model = FastModel(deployment.network)
        check_golden(model, deployment)
        batch, found = measured_rtl(deployment, model, events, core=args.core, waves=args.waves)
    else:
        batch, found = measured(deployment, events)
    found = {**described(deployment, data, args.data, args.level), **found}
    if args.picture is not None:
        with whole_file(args.picture, force=args.force) as draft:
            draw(deployment.network, events, batch, args.image, draft)
        found["picture"] = args.picture
    return Answer(text=facts(found), data=found, code=int(found["mismatches"] > 0))


def _picture(word: str) -> Path:
    if Path(word).suffix not in (".png", ".svg"):
        raise argparse.ArgumentTypeError(f"a picture is a .png or .svg file: have {word}; for example decision.png")
    return Path(word)


def _trace(word: str) -> Path:
    if Path(word).suffix != ".vcd":
        raise argparse.ArgumentTypeError(f"waveforms go to a .vcd file: have {word}; for example digits.vcd")
    return Path(word)
