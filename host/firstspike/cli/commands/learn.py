"""firstspike learn: lets a deployment learn from labelled images, by the rule that gateware uses on chip.

Tested by tests/host/cli/test_learn.py.
"""

import argparse
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from firstspike.cli.answer import Answer, facts
from firstspike.cli.deployments import described, encoding_of
from firstspike.cli.events_for import events_for, load_limited
from firstspike.cli.files import refuse_existing, whole_file
from firstspike.cli.on_board import core_name, link_errors, opened
from firstspike.cli.options import at_least, number
from firstspike.learning import BoardPupil, Course, CoursePlan, Entry, ModelPupil, Pupil, Schedule, learn_course, take
from firstspike.learning import parse_chances as chances_of
from firstspike.learning import parse_steps as steps_of
from firstspike.report import ProgressLine, learning_picture
from firstspike_contract import EventSet, Network
from firstspike_contract.common.errors import FirstspikeError, UsageError

if TYPE_CHECKING:
    from firstspike_compiler.deployment import Deployment

__all__ = ["EXAMPLE", "SUMMARY", "add_arguments", "run"]

SUMMARY: Final = "Let a deployment learn from labelled images, by the rule that gateware uses on chip."
EXAMPLE: Final = """\
  firstspike learn build/mnist --data mnist:train --hold-out 5000 --epochs 5 --p 1x2,2x2,3 -o build/learnt
  Changes weights by popcount sign-backpropagation (docs/learning.md) and writes the deployment build/learnt.
  firstspike diff build/mnist build/learnt shows the changes. An interrupted run continues with --resume and gives the
  same result.
  firstspike learn build/mnist --board serial:///dev/ttyUSB0 --data mnist:train --limit 10000 -o build/learnt
  Lets a board learn. Its core must have been built with learning. At the end its weights are read back and verified."""

MODEL: Final = "model:"
BOARD_HELP: Final = "what learns: model: (default), the bit-true model in this process, or the URL of a board"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds DIR --data DATA, and the options that say how to learn."""
    add = parser.add_argument
    add("deployment", metavar="DIR", type=Path, help="a deployment directory, from firstspike compile")
    add("--board", default=MODEL, metavar="URL", help=BOARD_HELP)
    add("--data", required=True, help="labelled images to learn from, such as mnist:train")
    add("--limit", type=at_least(1), metavar="N", help="use the first N images")
    add("--hold-out", type=at_least(0), default=0, metavar="N", help="keep the last N images for checks")
    add("--check", metavar="DATA", help="data set for the checks")
    add("--test", metavar="DATA", help="data set to classify before the run and after it")
    add("--epochs", type=at_least(1), default=1, metavar="N", help="passes over the images (default 1)")
    p_help = "weights change with probability 2^-p; p as a list over the run: 0x6,1x4,2, or by layer: 0/1 (default 2)"
    add("--p", type=_schedule(chances_of), default=chances_of("2"), metavar="LIST", help=p_help)
    margin_help = "steps to run on after the decision; an output that fires within them is a rival (default T/16)"
    add("--margin", type=_schedule(steps_of), metavar="LIST", help=margin_help)
    late_help = "latest decision step that is soon enough (default 13/16 T)"
    add("--late", type=_schedule(steps_of), metavar="LIST", help=late_help)
    add("--seed", type=at_least(0), default=1, help="seed of the random bits, orders and shifts (default 1)")
    add("--shift", type=at_least(0), default=0, metavar="N", help="shift each image in each epoch by up to N pixels")
    add(
        "--deform",
        type=number("0.8"),
        default=0.0,
        metavar="STRENGTH",
        help="deform each image (28 x 28 pixels), anew in each epoch",
    )
    add("--every", type=at_least(1), metavar="N", help="images between two checks (default: one epoch)")
    guard_help = "bring the best weights back when a check is worse than the best one by more than this fraction"
    add("--guard", type=number("0.01"), metavar="FRACTION", help=guard_help)
    add("-o", "--output", type=Path, metavar="DIR", help="deployment directory to write")
    add("--nir", type=Path, metavar="FILE", help="network file to write (.nir)")
    add("--picture", type=Path, metavar="FILE", help="draw the accuracy over the images (.png or .svg)")
    add("--checkpoint", type=Path, metavar="FILE", help="file for checkpoints (default: beside the output)")
    add("--resume", action="store_true", help="continue an interrupted run from its checkpoint")
    add("--force", action="store_true", help="overwrite existing outputs, and start from the beginning")


def run(args: argparse.Namespace) -> Answer:
    """Runs the course, with checks, and saves the learnt weights."""
    from firstspike_compiler.deployment import check_output, read_deployment

    if args.output is not None:
        check_output(args.output, force=args.force)
    for path in (args.nir, args.picture):
        if path is not None:
            refuse_existing(path, force=args.force)
    checkpoint = _checkpoint(args)
    deployment = read_deployment(args.deployment)
    network = deployment.network
    plan = _plan(args, network)
    plan.schedule.check(network)
    events, check = _images(args, deployment)
    test = None if args.test is None else _labelled(args.test, None, deployment)
    judged = test if test is not None else check
    started = time.perf_counter()
    with ExitStack() as stack:
        pupil = _pupil(args.board, stack)
        before = _accuracy(pupil, network, judged)
        progress = stack.enter_context(ProgressLine("learn"))
        course = learn_course(
            pupil,
            network,
            events,
            plan,
            check=check,
            checkpoint=checkpoint,
            resume=args.resume,
            progress=progress,
            entry=_live(plan.epochs * len(events)),
        )
        after = _accuracy(pupil, course.network, judged)
        on_board = _verified(pupil, course.network)
    found = {
        **described(deployment, load_limited(args.data, 1), args.data, "learn"),
        "board": args.board,
        "images": len(events),
        **_settings(plan),
        **{f"{name}_before": value for name, value in before.items()},
        **after,
        **on_board,
        "test": args.test,
        **_figures(course, network),
        "seconds": time.perf_counter() - started,
    }
    _save(args, deployment, course, found, check if check is not None else events)
    if checkpoint is not None:
        checkpoint.unlink(missing_ok=True)
    return Answer(text=facts({k: v for k, v in found.items() if k != "history"}), data=found)


def _pupil(board: str, stack: ExitStack) -> Pupil:
    """Returns the pupil that learns. A board stays open until the stack ends."""
    if board == MODEL:
        return ModelPupil()

    return BoardPupil(stack.enter_context(opened(board)))


def _verified(pupil: Pupil, network: Network) -> dict[str, Any]:
    """Checks the CRC-32 of every memory of a board. Returns facts about board and link; none for the model."""
    if not isinstance(pupil, BoardPupil):
        return {}
    pupil.load(network, 0)
    pupil.board.verify()
    return {"core": core_name(pupil.board), "verified": True, "link": link_errors(pupil.board.status())}


def _schedule(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    def parsed(word: str) -> Any:
        try:
            return parse(word)
        except UsageError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return parsed


def _checkpoint(args: argparse.Namespace) -> Path | None:
    """Returns the file for checkpoints, or None. Raises FirstspikeError if it holds another unfinished run."""
    path: Path | None = args.checkpoint
    if path is None and args.output is not None:
        path = args.output.with_name(args.output.name + ".learning")
    if path is None:
        if args.resume:
            raise UsageError(
                "--resume needs --checkpoint FILE or -o DIR; for example --checkpoint build/learnt.learning"
            )
        return None
    if args.resume and not path.exists():
        raise UsageError(f"--resume continues from {path}, which does not exist; leave out --resume to start a run")
    if path.exists() and not args.resume and not args.force:
        raise FirstspikeError(f"{path} holds an unfinished run; continue with --resume, or start afresh with --force")
    if not path.absolute().parent.is_dir():
        raise FirstspikeError(f"{path}: the folder {path.absolute().parent} does not exist; make it first")
    return path


def _plan(args: argparse.Namespace, network: Network) -> CoursePlan:
    margin = args.margin or (network.steps // 16,)
    late = args.late or (13 * network.steps // 16,)
    return CoursePlan(
        epochs=args.epochs,
        schedule=Schedule(margin=margin, late=late, chances=args.p, seed=args.seed),
        seed=args.seed,
        shift=args.shift,
        deform=args.deform,
        every=args.every,
        guard=args.guard,
    )


def _images(args: argparse.Namespace, deployment: "Deployment") -> tuple[EventSet, EventSet | None]:
    """Returns the images to learn from, and those to check with or None."""
    events = _labelled(args.data, args.limit, deployment)
    if args.hold_out and args.check is not None:
        raise UsageError("use --hold-out N or --check DATA for the checks, not both; for example --hold-out 5000")
    if args.check is not None:
        return events, _labelled(args.check, None, deployment)
    if not args.hold_out:
        return events, None
    if args.hold_out >= len(events):
        raise UsageError(
            f"--hold-out {args.hold_out} leaves none of {len(events)} images to learn from; for example --hold-out 5000"
        )
    cut = len(events) - args.hold_out
    return events.head(cut), take(events, np.arange(cut, len(events)))


def _labelled(spec: str, limit: int | None, deployment: "Deployment") -> EventSet:
    events = events_for(load_limited(spec, limit), deployment.network, encoding_of(deployment))
    if events.labels is None:
        raise FirstspikeError(
            f"learning needs a label for every image: {spec} has none; for example --data mnist:train"
        )
    return events


def _accuracy(pupil: Pupil, network: Network, events: EventSet | None) -> dict[str, Any]:
    """Returns the accuracy over all images and for each class; both are None without images."""
    if events is None or events.labels is None:
        return {"accuracy": None, "accuracy_by_class": None}
    pupil.load(network, 0)
    right = pupil.classify(events)["class"] == events.labels
    classes = [right[events.labels == k] for k in range(network.classes)]
    return {
        "accuracy": float(right.mean()),
        "accuracy_by_class": [float(part.mean()) if len(part) else None for part in classes],
    }


def _live(total: int) -> Callable[[Entry], None]:
    """Returns a function that prints one line for each entry if stderr is a terminal."""

    def say(entry: Entry) -> None:
        if sys.stderr.isatty():
            checked = "" if entry.accuracy is None else f", accuracy {entry.accuracy:.4f}"
            back = ", rolled back" if entry.rolled_back else ""
            print(
                f"{entry.images:,} of {total:,}: live {entry.accuracy_live:.4f}{checked}, "
                f"triggered {entry.trigger_rate:.1%}, weights changed {entry.weights_changed:.1%} "
                f"by {entry.weight_change:.3f}{back}",
                file=sys.stderr,
            )

    return say


def _settings(plan: CoursePlan) -> dict[str, Any]:
    schedule = plan.schedule
    return {
        "epochs": plan.epochs,
        "p": ",".join("/".join(map(str, each)) for each in schedule.chances),
        "margin": ",".join(map(str, schedule.margin)),
        "late": ",".join(map(str, schedule.late)),
        "seed": plan.seed,
        "shift": plan.shift,
        "deform": plan.deform,
    }


def _figures(course: Course, network: Network) -> dict[str, Any]:
    pairs = zip(network.layers, course.network.layers, strict=True)
    moved = [np.abs(b.weights.astype(np.int64) - a.weights) for a, b in pairs]
    return {
        "accuracy_live": course.history[-1].accuracy_live,
        "trigger_rate": course.trigger_rate,
        "weights_changed": [float((m > 0).mean()) for m in moved],
        "weight_change": [float(m.mean()) for m in moved],
        "learning_images": course.count,
        "checks": sum(entry.accuracy is not None for entry in course.history),
        "rolled_back": sum(entry.rolled_back for entry in course.history),
        "history": [asdict(entry) for entry in course.history],
    }


def _save(
    args: argparse.Namespace, deployment: "Deployment", course: Course, found: dict[str, Any], images: EventSet
) -> None:
    from firstspike.learning.saving import learnt_ir, write_learnt

    record = {k: v for k, v in found.items() if k not in ("history", "deployment", "seconds")}
    if args.picture is not None:
        with whole_file(args.picture, force=args.force) as draft:
            learning_picture([asdict(entry) for entry in course.history], draft, before=found["accuracy_before"])
        found["picture"] = args.picture
    if args.nir is None and args.output is None:
        return
    ir = learnt_ir(deployment, course.network, record)
    if args.nir is not None:
        from firstspike_compiler.formats.nir.writer import write_nir

        with whole_file(args.nir, force=args.force) as draft:
            write_nir(ir, draft)
        found["nir"] = args.nir
    if args.output is not None:
        write_learnt(deployment, ir, args.output, images, args.nir, force=args.force)
        found["output"] = args.output
