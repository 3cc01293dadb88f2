#!/usr/bin/env python3
"""Random networks and random events, gateware against model. Every case is a seed; the list of them is the record.

    python scripts/fuzz_rtl.py --networks 1000 --seed 0 --record benchmarks/fuzz-rtl.txt

Exit 1 at a difference, with the seed that shows it again: --networks 1 --seed SEED.
"""

import argparse
import itertools
import json
import sys
import time
from pathlib import Path

from firstspike.report import ProgressLine
from firstspike_contract import KERNELS, FirstspikeError, Kernel
from firstspike_sim.rtl.fuzz import CORES, Finding, Fuzzer
from firstspike_sim.rtl.random_cases import random_case

__all__ = ["main"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", type=int, default=100, metavar="N", help="how many networks (default 100)")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="the first seed (default 0)")
    parser.add_argument("--cores", default=",".join(CORES), help="which cores, of: %(default)s (default: all)")
    parser.add_argument("--kernel", choices=KERNELS, help="of all networks (default: linear or exponential, by chance)")
    parser.add_argument("--learning", action="store_true", help="images learn; compare the weights afterwards")
    parser.add_argument("--layers", type=int, nargs=2, metavar=("FROM", "TO"), help="only networks of so many layers")
    parser.add_argument("--record", type=Path, metavar="FILE", help="write one line a seed")
    parser.add_argument("--json", action="store_true", help="print one JSON object, for benchmarks/record.py")
    parser.add_argument("--keep-going", action="store_true", help="do not stop at the first difference")
    args = parser.parse_args()
    names = tuple(args.cores.split(","))
    if unknown := sorted(set(names) - set(CORES)):
        parser.error(f"unknown cores {', '.join(unknown)}; known: {', '.join(CORES)}")
    start = time.monotonic()
    try:
        seeds = _seeds(args.seed, args.networks, args.kernel, args.layers)
        findings = _run(names, seeds, kernel=args.kernel, learning=args.learning, keep_going=args.keep_going)
    except FirstspikeError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    wrong = [finding for finding in findings if finding.wrong]
    for finding in wrong:
        print(f"DIFFERS seed {finding.seed}: {finding.line()}", file=sys.stderr if args.json else sys.stdout)
    images, spikes, cycles = (sum(getattr(f, name) for f in findings) for name in ("images", "spikes", "cycles"))
    summary = (
        f"{len(findings)} networks, seeds {args.seed}..{seeds[-1]}, "
        f"{images} images, {spikes} spikes, {cycles} cycles: {len(wrong)} mismatches"
    )
    if args.json:
        figures = {
            "level": "rtl",
            "kernel": args.kernel,
            "core": args.cores,
            "networks": len(findings),
            "images": images,
            "spikes": spikes,
            "cycles_total": cycles,
            "mismatches": len(wrong),
            "seed": args.seed,
        }
        print(json.dumps(figures))
    else:
        print(f"{summary}, {time.monotonic() - start:.0f} s")
    if args.record is not None:
        args.record.parent.mkdir(parents=True, exist_ok=True)
        args.record.write_text("\n".join([f"# {summary}", *(finding.line() for finding in findings)]) + "\n")
    return int(bool(wrong))


def _seeds(first: int, count: int, kernel: Kernel | None, layers: tuple[int, int] | None) -> list[int]:
    """So many seeds from `first` on, those of networks with the wanted number of layers."""
    seeds = itertools.count(first)
    if layers is None:
        return list(itertools.islice(seeds, count))
    low, high = layers
    wanted = (seed for seed in seeds if low <= len(random_case(seed, kernel).network.layers) <= high)
    return list(itertools.islice(wanted, count))


def _run(
    names: tuple[str, ...], seeds: list[int], *, kernel: Kernel | None, learning: bool, keep_going: bool
) -> list[Finding]:
    """Findings up to the first difference; a seed whose network none of the cores holds is left out."""
    findings: list[Finding] = []
    with ProgressLine("fuzz") as progress, Fuzzer(names, kernel=kernel, learning=learning, progress=_note) as fuzzer:
        for done, seed in enumerate(seeds, 1):
            finding = fuzzer.check(seed)
            progress(done, len(seeds))
            if done % 100 == 0:
                print(f"{done} of {len(seeds)} seeds", file=sys.stderr)
            if finding is not None:
                findings.append(finding)
                if finding.wrong and not keep_going:
                    break
    return findings


def _note(done: int, total: int, name: str = "", /) -> None:
    if done == total:
        print(f"the core {name} is built", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
