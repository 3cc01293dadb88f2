#!/usr/bin/env python3
"""A network with random delays on its inputs and hidden neurons, to try delays with (it is not trained for them).

python scripts/add_delays.py examples/yinyang-4-120-3.nir -o build/yinyang-delays-4-120-3.nir
"""

import argparse
import dataclasses
import sys
from pathlib import Path

import numpy as np

from firstspike_compiler.formats.nir.reader import read_nir
from firstspike_compiler.formats.nir.writer import write_nir
from firstspike_contract import FirstspikeError

__all__ = ["main"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", help="a .nir file")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="NET", help="network to write (.nir)")
    parser.add_argument("--most", type=int, default=4, metavar="STEPS", help="longest delay (default 4)")
    parser.add_argument("--seed", type=int, default=1, help="same seed, same delays (default 1)")
    parser.add_argument("--force", action="store_true", help="overwrite an existing output")
    args = parser.parse_args()
    if args.output.exists() and not args.force:
        print(f"error: {args.output} exists and is not overwritten; use another name, or --force", file=sys.stderr)
        return 1
    try:
        ir = read_nir(args.network)
        rng = np.random.default_rng(args.seed)
        tick = ir.t_max / ir.steps
        hidden = [
            dataclasses.replace(layer, delays=rng.integers(0, args.most + 1, layer.weights.shape[1]) * tick)
            for layer in ir.layers[:-1]
        ]
        delays = rng.integers(0, args.most + 1, ir.addresses) * tick
        write_nir(dataclasses.replace(ir, layers=(*hidden, ir.layers[-1]), input_delays=delays), args.output)
    except FirstspikeError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    print(f"{args.output}: delays of 0 to {args.most} steps on inputs and hidden neurons, seed {args.seed}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
