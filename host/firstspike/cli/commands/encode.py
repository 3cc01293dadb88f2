"""firstspike encode: encodes the values in a .npy file as spikes in an .npz file.

Tested by tests/host/cli/test_commands.py and tests/host/cli/test_bad_input.py.
"""

import argparse
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firstspike.cli.answer import Answer
from firstspike.cli.files import refuse_existing
from firstspike.cli.options import at_least, one_of, time_steps
from firstspike.datasets import ENCODINGS, encode, read_values, write_npz
from firstspike_contract.common.errors import FirstspikeError, UsageError
from firstspike_contract.common.npy import read_npy

__all__ = ["EXAMPLE", "SUMMARY", "add_arguments", "run"]

SUMMARY: Final = "Turn values (a .npy file) into spikes (an .npz file)."
EXAMPLE: Final = """\
  python -c "import numpy; numpy.save('images.npy', numpy.random.rand(5, 784))"
  firstspike encode images.npy --encoding latency --late 15 -o events.npz
  Each image becomes up to 784 spikes, at time steps from 0 (largest value) to 15 (nearly 0). The value 0 never
  spikes."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds IMAGES.npy --encoding NAME -o EVENTS.npz, and the options that fit the encoding to a network."""
    parser.add_argument(
        "images", metavar="IMAGES.npy", type=Path, help="array [images, ...] of bytes 0..255 or floats 0..1"
    )
    parser.add_argument(
        "--encoding",
        required=True,
        type=one_of("encoding", ENCODINGS),
        help="encoding of the values: binary, two-time or latency",
    )
    parser.add_argument("--steps", type=time_steps, default=16, metavar="T", help="number of time steps (default 16)")
    parser.add_argument(
        "--late",
        type=at_least(0),
        metavar="CODE",
        help="time step of the latest spike, for two-time and latency (default T - 1)",
    )
    parser.add_argument("--labels", type=Path, metavar="LABELS.npy", help="file with one class number for each image")
    parser.add_argument("-o", "--output", required=True, type=Path, metavar="EVENTS.npz", help="file to write")
    parser.add_argument("--force", action="store_true", help="overwrite an existing output")


def run(args: argparse.Namespace) -> Answer:
    """Reads the values, encodes them and writes the events."""
    if args.output.suffix != ".npz":
        raise UsageError(f"the output file must have a name ending in .npz: have {args.output}; for example events.npz")
    refuse_existing(args.output, force=args.force)
    late = args.late
    if late is None and args.encoding != "binary":
        late = args.steps - 1
    labels = None if args.labels is None else _read_labels(args.labels)
    events = encode(read_values(args.images), args.encoding, steps=args.steps, late=late, labels=labels)
    write_npz(args.output, events, force=args.force)
    spikes = len(events.events)
    mean = spikes / max(1, len(events))
    text = (
        f"{args.output}: {len(events)} images, {spikes} spikes ({mean:.1f} per image), "
        f"{args.encoding}, T = {args.steps}"
    )
    data = {
        "output": args.output,
        "images": len(events),
        "spikes": spikes,
        "encoding": args.encoding,
        "late": late,
        "steps_grid": args.steps,
        "labels": labels is not None,
    }
    return Answer(text=text, data=data)


def _read_labels(path: Path) -> NDArray[np.int64]:
    """Reads class numbers, int64 ``[N]``.

    Raises FirstspikeError if the file holds anything else, and OSError if it cannot be read.
    """
    rule = f"labels must be a list of class numbers 0..65535 in a .npy file: {path}"
    try:
        labels = read_npy(path)
    except ValueError as error:
        raise FirstspikeError(f"{rule}: {error}") from None
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise FirstspikeError(f"{rule} holds {labels.dtype} {list(labels.shape)}; for example int64 [10000]")
    if len(labels) and (labels.min() < 0 or labels.max() > 0xFFFF):
        raise FirstspikeError(f"{rule} holds values from {labels.min()} to {labels.max()}")
    return labels.astype(np.int64)
