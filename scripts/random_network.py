#!/usr/bin/env python3
"""A random network of a kernel, to build cores for kernels with that no trained network is at hand for.

python scripts/random_network.py alpha -o build/random-alpha.nir
"""

import argparse
import sys
from pathlib import Path

import numpy as np

from firstspike_compiler.formats.nir.writer import write_nir
from firstspike_compiler.ir import Encoding, LayerIR, NetworkIR
from firstspike_contract import KERNELS, FirstspikeError

__all__ = ["main"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kernel", choices=KERNELS, help="of the neurons: %(choices)s")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="NET", help="network to write (.nir)")
    parser.add_argument("--sizes", type=int, nargs="+", default=[16, 120, 3], help="of the layers (default 16 120 3)")
    parser.add_argument("--seed", type=int, default=1, help="same seed, same network (default 1)")
    parser.add_argument("--force", action="store_true", help="overwrite an existing output")
    args = parser.parse_args()
    if args.output.exists() and not args.force:
        print(f"error: {args.output} exists and is not overwritten; use another name, or --force", file=sys.stderr)
        return 1
    if len(args.sizes) < 2 or min(args.sizes) < 1:
        print(f"error: sizes are at least two numbers >= 1, not {args.sizes}; for example 16 120 3", file=sys.stderr)
        return 2
    rng = np.random.default_rng(args.seed)
    layers = tuple(
        LayerIR(
            name=f"layer{k}",
            weights=rng.integers(-40, 64, (inputs, outputs)) / 64,
            threshold=1.0,
            constant_times=np.zeros(0),
            delays=np.zeros(outputs),
            scale=1 / 64,
        )
        for k, (inputs, outputs) in enumerate(zip(args.sizes, args.sizes[1:], strict=False), 1)
    )
    made = NetworkIR(
        kernel=args.kernel,
        t_max=4.0,
        steps=16,
        tau=1.0,
        encoding=Encoding(name="latency", t_late=2.0),
        layers=layers,
        input_delays=np.zeros(args.sizes[0]),
    )
    try:
        write_nir(made, args.output)
    except FirstspikeError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    shape = "-".join(map(str, args.sizes))
    print(f"{args.output}: {shape}, {args.kernel}, random weights, seed {args.seed}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
