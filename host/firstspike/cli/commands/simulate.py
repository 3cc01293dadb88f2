"""firstspike simulate: a deployment on a data set, with the integer arithmetic of the hardware."""

import argparse
import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from firstspike.cli.answer import Answer, facts
from firstspike.cli.compare import differing
from firstspike.cli.events_for import events_for, load_limited
from firstspike.cli.files import refuse_existing, whole_file
from firstspike.cli.options import at_least, one_of
from firstspike.cli.simulate_rtl import measured_rtl
from firstspike.datasets import Samples
from firstspike.report import Progress, decision_picture
from firstspike_contract import CONFIGS, DROPPED, Batch, EventSet, Network, evaluate, evaluate_set, figures
from firstspike_contract.common.errors import FirstspikeError, UsageError

if TYPE_CHECKING:
    from firstspike_compiler.deployment import Deployment
    from firstspike_sim import FastModel

__all__ = ["EXAMPLE", "SUMMARY", "add_arguments", "measured", "run"]

SUMMARY: Final = "run a deployment on a data set"
EXAMPLE: Final = """\
  firstspike simulate build/demo --level model --data mnist:test --json
  Prints accuracy, spikes, look-ups and speed over the 10,000 test digits; exit 1 if the model and its golden answers,
  or the fast path and the plain one, differ in a single spike.
  firstspike simulate build/demo --level rtl --data mnist:test --limit 200
  The same through the gateware, simulated by Verilator: adds cycles, latency and rows read; exit 1 if a single spike
  differs from the model's."""

LEVELS: Final = ("model", "rtl")
PLAIN_IMAGES: Final = 50  # the plain path takes milliseconds an image
REPEATS: Final = 5  # of the timed run; the median counts


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


def encoding_of(deployment: "Deployment") -> dict[str, Any]:
    """Name and late code of the network's input encoding. Raises FirstspikeError if somebody has edited it away."""
    encoding = deployment.manifest.get("encoding")
    if not isinstance(encoding, dict) or not isinstance(encoding.get("name"), str):
        raise FirstspikeError(f"{deployment.path / 'manifest.yaml'}: names no input encoding; compile again")
    late = encoding.get("late")
    return {"name": encoding["name"], "late": late if isinstance(late, int) else None}


def described(deployment: "Deployment", data: Samples | EventSet, spec: str, level: str = "model") -> dict[str, Any]:
    """What was run on what."""
    name, split = (data.name, data.split) if isinstance(data, Samples) else (spec, None)
    inputs = deployment.network.addresses
    masked = (deployment.manifest.get("inputs") or {}).get("masked", 0)
    return {
        "deployment": deployment.path,
        "level": level,
        "network": (deployment.manifest.get("source") or {}).get("file"),
        "target": deployment.manifest.get("target"),
        "dataset": name,
        "split": split,
        "kernel": deployment.network.kernel,
        "steps_grid": deployment.network.steps,
        "inputs": inputs,
        "inputs_seen": inputs - masked,
    }


def measured(deployment: "Deployment", events: EventSet) -> tuple[Batch, dict[str, Any]]:
    """Answers to all images, and the figures under the names of `--json`.

    Raises FirstspikeError if the model here does not give the deployment's golden answers.
    """
    from firstspike_sim import FastModel, measure

    network = deployment.network
    model = FastModel(network)
    with Progress("preparing the fast model (compiled once, then kept)") as progress:
        progress.waiting()
        check_golden(model, deployment)
    with Progress("simulate") as progress:
        batch = model.run(events, progress)
    found = figures(network, batch, events.labels)
    found["images_per_second"] = measure(model, events, REPEATS)
    few = events.head(PLAIN_IMAGES)
    with Progress("plain path") as progress:
        start = time.perf_counter()
        plain = evaluate_set(network, few, progress)
        seconds = time.perf_counter() - start
    found["images_per_second_plain"] = len(few) / seconds
    found["images_plain"] = len(few)
    found["images_golden"] = len(deployment.golden.events)
    found["mismatches"] = len(differing(model.run(few), plain))
    return batch, found


def check_golden(model: "FastModel", deployment: "Deployment") -> None:
    """Raises FirstspikeError naming the first image whose answer is not the recorded one."""
    golden = deployment.golden
    wrong = differing(model.run(golden.events), golden.batch)
    if wrong:
        raise FirstspikeError(
            f"{deployment.path}: the model does not give the recorded answers: {len(wrong)} of {len(golden.events)} "
            f"golden images differ, the first is image {wrong[0]}; compile again"
        )


def draw(network: Network, events: EventSet, batch: Batch, image: int, path: Path) -> None:
    """The picture of one image's decision, with the histograms of the whole set."""
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it announces its font cache on stderr
    label = None if events.labels is None else int(events.labels[image])
    decision_picture(network, evaluate(network, events.image(image)), batch, path, label=label)


def _picture(word: str) -> Path:
    if Path(word).suffix not in (".png", ".svg"):
        raise argparse.ArgumentTypeError(f"a picture is a .png or .svg file: have {word}; for example decision.png")
    return Path(word)


def _trace(word: str) -> Path:
    if Path(word).suffix != ".vcd":
        raise argparse.ArgumentTypeError(f"a trace is a .vcd file: have {word}; for example digits.vcd")
    return Path(word)
