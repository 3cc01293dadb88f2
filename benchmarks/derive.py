#!/usr/bin/env python3
"""Make a network that no trained file holds: with random weights of a kernel, or with random delays.

    python benchmarks/derive.py random alpha -o build/random-alpha.nir
    python benchmarks/derive.py delays examples/yinyang-4-120-3.nir -o build/yinyang-delays-4-120-3.nir

Exit status: 0 done, 1 the output exists, 2 usage.
"""

import argparse
import sys
from pathlib import Path

from derived.networks import random_network, with_delays

from firstspike_compiler.formats.nir.reader import read_nir
from firstspike_compiler.formats.nir.writer import write_nir
from firstspike_compiler.ir import NetworkIR
from firstspike_contract import KERNELS, FirstspikeError

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> int:
    args = _arguments(arguments)
    if args.output.exists() and not args.force:
        print(f"error: {args.output} exists and is not overwritten; use another name, or --force", file=sys.stderr)
        return 1
    try:
        args.output.parent.mkdir(parents=True, exist_ok=True)
        write_nir(_made(args), args.output)
    except FirstspikeError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    print(f"{args.output}: written, seed {args.seed}")
    return 0


def _arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_subparsers(dest="kind", required=True)
    random = kinds.add_parser("random", help="random weights")
    random.add_argument("kernel", choices=KERNELS, help="kernel of the neurons: %(choices)s")
    random.add_argument("--sizes", type=int, nargs="+", default=[16, 120, 3], help="layer sizes (default 16 120 3)")
    delays = kinds.add_parser("delays", help="random delays on inputs and hidden neurons")
    delays.add_argument("network", help="the network that gets delays, a .nir file")
    delays.add_argument("--most", type=int, default=4, metavar="STEPS", help="longest delay (default 4)")
    for kind in (random, delays):
        kind.add_argument("-o", "--output", type=Path, required=True, metavar="NET", help="network to write (.nir)")
        kind.add_argument("--seed", type=int, default=1, help="seed of the random numbers (default 1)")
        kind.add_argument("--force", action="store_true", help="overwrite an existing output")
    args = parser.parse_args(arguments)
    if args.kind == "random" and (len(args.sizes) < 2 or min(args.sizes) < 1):
        random.error(f"sizes are at least two numbers >= 1, not {args.sizes}; for example 16 120 3")
    return args


def _made(args: argparse.Namespace) -> NetworkIR:
    if args.kind == "random":
        return random_network(args.kernel, args.sizes, args.seed)
    return with_delays(read_nir(args.network), args.most, args.seed)


if __name__ == "__main__":
    sys.exit(main())
