"""firstspike demo: compiles and runs the shipped network, and shows its figures beside those of a published system.

Tested by tests/host/cli/test_commands.py.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from firstspike.cli.answer import Answer
from firstspike.cli.compiling import compile_to, describe
from firstspike.cli.deployments import described, encoding_of
from firstspike.cli.events_for import events_for, load_limited
from firstspike.cli.files import whole_file
from firstspike.cli.gateware_run import measured_rtl
from firstspike.cli.model_run import draw, measured
from firstspike.cli.options import at_least
from firstspike.cli.published import MOSTAFA_2017
from firstspike.examples import example
from firstspike.report import table
from firstspike_contract import EventSet

if TYPE_CHECKING:
    from firstspike_compiler.deployment import Deployment

__all__ = ["EXAMPLE", "NETWORK", "SUMMARY", "add_arguments", "run"]

SUMMARY: Final = "Run the shipped network on 10,000 MNIST test digits, in the model and in simulated gateware."
EXAMPLE: Final = """\
  firstspike demo
  Checks the network mnist-784-600-10 and compiles it into build/demo. Classifies the test digits with the bit-true
  model and the first 200 of them with simulated gateware, compares every spike, and draws the decision on one digit."""

NETWORK: Final = "mnist-784-600-10.nir"
DATA: Final = "mnist:test"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds [-o DIR] [--limit N] [--rtl N]."""
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("build/demo"),
        metavar="DIR",
        help="deployment directory to write (default build/demo)",
    )
    parser.add_argument("--limit", type=at_least(1), metavar="N", help="classify the first N digits")
    parser.add_argument(
        "--rtl",
        type=at_least(0),
        default=200,
        metavar="N",
        help="number of digits to run in the gateware too; 0 means none (default 200)",
    )


def run(args: argparse.Namespace) -> Answer:
    """Checks, compiles, classifies and draws. Replaces the output of an earlier demo, and no other files."""
    from firstspike_compiler.deployment import check_output, read_deployment
    from firstspike_compiler.formats.nir.reader import read_nir
    from firstspike_compiler.targets import DEFAULT_TARGET, load_target

    path = example(NETWORK)
    args.output.absolute().parent.mkdir(parents=True, exist_ok=True)
    check_output(args.output, force=True)
    ir, target = read_nir(path), load_target(DEFAULT_TARGET)
    compiled = compile_to(
        args.output, ir, target, steps=ir.steps, calibration=None, keep_inputs=False, source=path, force=True
    )
    deployment = read_deployment(args.output)
    data = load_limited(DATA, args.limit)
    events = events_for(data, deployment.network, encoding_of(deployment))
    batch, figures = measured(deployment, events)
    gateware = _gateware(deployment, events.head(args.rtl)) if args.rtl else None
    picture = args.output.with_name(f"{args.output.name}.png")
    with whole_file(picture, force=True) as draft:
        draw(deployment.network, events, batch, 0, draft)
    found = {**described(deployment, data, DATA), **figures, "picture": picture, "published": MOSTAFA_2017}
    found["rtl"] = gateware
    wrong = found["mismatches"] + (gateware["mismatches"] if gateware else 0)
    return Answer(text=_text(found, describe(compiled.manifest)), data=found, code=int(wrong > 0))


def _gateware(deployment: "Deployment", events: EventSet) -> dict[str, Any]:
    """Returns figures of the simulated gateware on a few images, and how many images differ from the model."""
    from firstspike_sim import FastModel

    _, found = measured_rtl(deployment, FastModel(deployment.network), events, core=None, waves=None)
    return found


def _text(found: dict[str, Any], compiled: str) -> str:
    rows = [_row("firstspike", found), _row(f"{MOSTAFA_2017['name']} (published)", MOSTAFA_2017)]
    gateware = []
    if rtl := found["rtl"]:
        rows.insert(1, _row(f"its gateware, first {rtl['images']:,} digits", rtl))
        gateware.append(
            f"gateware (core {rtl['core']!r}, simulated): {rtl['cycles']['mean']:.1f} clock cycles per image; "
            f"{rtl['mismatches']} of {rtl['images']} images differ from the model in a spike time or in the result"
        )
    return "\n".join(
        [
            f"compiled {found['network']} to {found['deployment']}",
            compiled,
            "",
            f"{found['images']:,} MNIST test digits, {found['inputs_seen']} of {found['inputs']} pixels seen, int8, "
            "strict scoring",
            "",
            table(rows),
            "",
            *gateware,
            f"{found['images_per_second']:,.0f} images/s on one thread ({found['images_per_second_plain']:,.0f} by the "
            f"plain model); {found['mismatches']} of {found['images_plain']} images differ between the two",
            f"the decision on the first digit: {found['picture']}",
        ]
    )


def _row(name: str, figures: dict[str, Any]) -> dict[str, Any]:
    return {
        "": name,
        "accuracy": f"{100 * figures['accuracy']:.2f} %",
        "spikes": f"{figures['spikes_total']:.1f}",
        "look-ups": " / ".join(f"{100 * share:.1f} %" for share in figures["lookups"]),
        "time steps": f"{figures['steps']:.1f}",
    }
