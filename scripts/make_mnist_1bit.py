#!/usr/bin/env python3
"""Make host/firstspike/datasets/data/mnist-1bit.xz from the raw IDX files of MNIST (`make data`).

    .venv/bin/python scripts/make_mnist_1bit.py [--raw data/mnist] [--check]

The same input gives the same bytes with the same liblzma (made with 5.4.1). `--check` writes nothing: it exits 1 if the
shipped file holds other pixels or labels than the raw files.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

from firstspike.datasets import idx, mnist
from firstspike_contract.common.errors import FirstspikeError

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "host" / "firstspike" / "datasets" / "data" / mnist.RESOURCE


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--raw", type=Path, default=ROOT / "data" / "mnist", help="folder of the raw IDX files")
    parser.add_argument("--check", action="store_true", help="compare instead of write")
    options = parser.parse_args()
    try:
        splits = [idx.load_folder(options.raw, split) for split in mnist.SPLITS]
        bright = np.concatenate([split.values for split in splits]).reshape(-1, 28, 28) > 127
        labels = np.concatenate([split.labels for split in splits]).astype(np.uint8)
        if options.check:
            have_bright, have_labels = mnist.decompress(TARGET.read_bytes())
            same = np.array_equal(have_bright, bright) and np.array_equal(have_labels, labels)
            print(f"{TARGET}: {'same' if same else 'differs from the raw files'}")
            return 0 if same else 1
    except FirstspikeError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    packed = mnist.compress(bright, labels)
    TARGET.write_bytes(packed)
    print(f"{TARGET}: {len(packed)} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
