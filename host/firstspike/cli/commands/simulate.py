"""firstspike simulate: a deployment on a data set, with the integer arithmetic of the hardware."""

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

SUMMARY: Final = "run a deployment on a data set"
EXAMPLE: Final = """\
  firstspike simulate build/demo --level model --data mnist:test --json
  Prints accuracy, spikes, look-ups and speed over the 10,000 test digits; exit 1 if the model and its golden answers,
  or the fast path and the plain one, differ in a single spike.
  firstspike simulate build/demo --level rtl --data mnist:test --limit 200
  The same through the gateware, simulated by Verilator: adds cycles, latency and rows read; exit 1 if a single spike
  differs from the model's."""

LEVELS: Final = ("model", "rtl")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """DIR --data DATA [--level model|rtl] [--limit N] [--kept-only] [--core NAME] [--waves FILE] [--picture FILE]."""
    add = parser.add_argument
    add("deployment", metavar="DIR", type=Path, help="a deployment directory, from firstspike compile")
    add("--data", required=True, help="mnist:test, yinyang:test, FOLDER:test of IDX files, or events in an .npz")
    add("--level", type=one_of("level", LEVELS), default="model", help="model (default): integers; rtl: gateware")
    add("--limit", type=at_least(1), metavar="N", help="use the first N images")
    add("--kept-only", action="store_true", help="leave out events of inputs that the network drops, as a host may")
    add(
        "--core",
        type=one_of("core", tuple(CONFIGS)),
        help="core to simulate (default: the first that fits)",
    )
    add("--waves", type=_trace, metavar="FILE", help="write a trace (.vcd) of the gateware and a view for GTKWave")
    add("--picture", type=_picture, metavar="FILE", help="draw the decision of one image (.png or .svg)")
    add("--image", type=at_least(0), default=0, metavar="N", help="the image to draw (default 0)")
    add("--force", action="store_true", help="overwrite an existing picture or trace")


def run(args: argparse.Namespace) -> Answer:
    """Verify the deployment, run the data set, compare the two paths, measure."""
    from firstspike_compiler.deployment import read_deployment

    for path in (args.picture, args.waves):
        if path is not None:
            refuse_existing(path, force=args.force)
    if args.level != "rtl" and (args.core, args.waves) != (None, None):
        raise UsageError("--core and --waves are of the gateware; say --level rtl too")
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
        raise argparse.ArgumentTypeError(f"a trace is a .vcd file: have {word}; for example digits.vcd")
    return Path(word)
