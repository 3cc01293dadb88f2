"""Run random networks with random events through gateware and model, and compare every spike. Each case is one seed.

    python benchmarks/measure.py fuzz_rtl --networks 1000 --seed 0 --record build/fuzz-rtl.txt

Exit status 1 at a difference. The seed that is printed shows it again: --networks 1 --seed SEED.
"""

import argparse
import itertools
import json
import sys
import time
from pathlib import Path

from firstspike.report import ProgressLine
from firstspike_contract import KERNELS, Kernel
from firstspike_sim.rtl.fuzz import CORES, Finding, Fuzzer
from firstspike_sim.rtl.random_cases import random_case

__all__ = ["main"]


def main(arguments: list[str]) -> int:
    args = _arguments(arguments)
    start = time.monotonic()
    seeds = _seeds(args.seed, args.networks, args.kernel, args.layers)
    findings = _findings(args, seeds)
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


def _arguments(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", type=int, default=100, metavar="N", help="number of networks (default 100)")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="the first seed (default 0)")
    parser.add_argument("--cores", default=",".join(CORES), help="cores to use, of: %(default)s (default: all)")
    parser.add_argument("--kernel", choices=KERNELS, help="of all networks (default: linear or exponential, by chance)")
    parser.add_argument("--learning", action="store_true", help="images learn; compare the weights afterwards")
    parser.add_argument("--layers", type=int, nargs=2, metavar=("FROM", "TO"), help="only networks of FROM..TO layers")
    parser.add_argument("--record", type=Path, metavar="FILE", help="write one line for each seed")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--keep-going", action="store_true", help="do not stop at the first difference")
    args = parser.parse_args(arguments)
    if unknown := sorted(set(args.cores.split(",")) - set(CORES)):
        parser.error(f"unknown cores {', '.join(unknown)}; known: {', '.join(CORES)}")
    return args


def _seeds(first: int, count: int, kernel: Kernel | None, layers: tuple[int, int] | None) -> list[int]:
    """Returns the first `count` seeds from `first` on whose network has the wanted number of layers."""
    seeds = itertools.count(first)
    if layers is None:
        return list(itertools.islice(seeds, count))
    low, high = layers
    wanted = (seed for seed in seeds if low <= len(random_case(seed, kernel).network.layers) <= high)
    return list(itertools.islice(wanted, count))


def _findings(args: argparse.Namespace, seeds: list[int]) -> list[Finding]:
    """Runs the seeds, up to the first difference unless --keep-going. Omits a seed whose network fits no core."""
    findings: list[Finding] = []
    names = tuple(args.cores.split(","))
    with (
        ProgressLine("fuzz") as progress,
        Fuzzer(names, kernel=args.kernel, learning=args.learning, progress=_note) as fuzzer,
    ):
        for done, seed in enumerate(seeds, 1):
            finding = fuzzer.check(seed)
            progress(done, len(seeds))
            if done % 100 == 0:
                print(f"{done} of {len(seeds)} seeds", file=sys.stderr)
            if finding is not None:
                findings.append(finding)
                if finding.wrong and not args.keep_going:
                    break
    return findings


def _note(done: int, total: int, name: str = "", /) -> None:
    if done == total:
        print(f"the core {name} is built", file=sys.stderr)
