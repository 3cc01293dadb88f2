#!/usr/bin/env python3
"""Figures of a network on a routed core, as one JSON object for benchmarks/record.py.

    python benchmarks/silicon_figures.py build/silicon-fast --core fast --data mnist:test

Builds the bitstream (place and route, unless that was done before), runs the data set through the gateware that was
routed, simulated, one image behind the other, and sets the estimate beside both. Without --data only the core counts:
nothing is simulated. nextpnr's report is kept under benchmarks/results/silicon/.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

__all__ = ["main"]

ANY_CLOCK = 10.0  # MHz, that every core reaches
REPORTS = Path(__file__).parent / "results" / "silicon"
# Of an estimate, and of what came of it.
LOGIC = ("lut", "ff", "bram", "dsp")
FROM_RTL = (
    *("network", "dataset", "split", "images", "kernel", "steps", "steps_grid", "inputs", "inputs_seen", "accuracy"),
    *("spikes_total", "spikes_input", "spikes_hidden", "cycles", "latency_alone", "rows_read", "mismatches"),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("deployment", type=Path, help="a deployment directory")
    parser.add_argument("--core", required=True, help="core to build and to simulate")
    parser.add_argument("--target", default="ulx3s-85f", help="what to build for (default %(default)s)")
    parser.add_argument("--seed", default="1", help="of place and route (default 1)")
    parser.add_argument("--data", help="data set to run, for example mnist:test (default: none)")
    parser.add_argument("--kept-only", action="store_true", help="send only what the network does not drop")
    args = parser.parse_args()
    target, core = ("--target", args.target), ("--core", args.core)
    with tempfile.TemporaryDirectory() as folder:
        # Twice: what place and route reaches is known then, and the second time takes seconds.
        clock = ANY_CLOCK
        for attempt in ("reach", "use"):
            out = Path(folder) / attempt
            how = ("--clock", clock, "--seed", args.seed, "-o", out)
            build = _asked("build", args.deployment, *target, *core, *how)
            clock = build["actual"]["fmax_mhz"]
        # where the tools lie on this machine is nobody's business
        text = re.sub(r'[^"|\s]*/site-packages/', "", (out / "nextpnr-report.json").read_text())
    data = ("--data", args.data) if args.data else ()
    estimate = _asked("estimate", args.deployment, *target, *core, "--clock", build["actual"]["clock_mhz"], *data)
    found = routed_figures(build, estimate) | {"kept_only": args.kept_only}
    if args.data:
        sent = ("--kept-only",) if args.kept_only else ()
        rtl = _asked("simulate", args.deployment, "--level", "rtl", *core, *data, *sent)
        found |= simulated_figures(build, estimate, rtl)
    name = f"{args.core}-{args.target}"
    REPORTS.mkdir(parents=True, exist_ok=True)
    (REPORTS / f"{name}.json").write_text(json.dumps(json.loads(text), indent=1) + "\n")
    print(json.dumps(found | {"report": f"silicon/{name}.json"}))
    return 0


def routed_figures(build: dict[str, Any], estimate: dict[str, Any]) -> dict[str, Any]:
    """What the core takes and reaches, from the answers of `firstspike build` and `estimate`."""
    actual = build["actual"]
    return {
        "target": build["target"],
        "core": build["core"],
        "seed": build["seed"],
        **actual,
        "estimate": {name: estimate[name] for name in LOGIC},
        "estimate_error": {name: _off(estimate[name], actual[name]) for name in LOGIC},
        "tools": {name.replace("-", "_"): version for name, version in build["tools"].items()},
        "place_and_route_seconds": build["place_and_route_seconds"],
    }


def simulated_figures(build: dict[str, Any], estimate: dict[str, Any], rtl: dict[str, Any]) -> dict[str, Any]:
    """What comes of a data set at the clock of the bitstream; `rtl`: the answer of `simulate --level rtl`."""
    actual, clock = build["actual"], build["actual"]["clock_mhz"]
    per_image = rtl["cycles_total"] / rtl["images"]  # back to back, loading included
    return {
        **{name: rtl[name] for name in FROM_RTL},
        "cycles_back_to_back": per_image,
        "latency_us": rtl["latency_alone"]["mean"] / clock,
        "latency_us_p99": rtl["latency_alone"]["p99"] / clock,
        "images_per_second": round(1e6 * clock / per_image),
        "images_per_second_at_fmax": round(1e6 * actual["fmax_mhz"] / per_image),
        **{name: estimate[name] for name in ("weight_bits_read", "row_reads", "adds")},
        "estimate_cycles": estimate["cycles"],
        "estimate_error_cycles": _off(estimate["cycles"]["mean"], rtl["cycles"]["mean"]),
    }


def _off(estimate: float, actual: float) -> float:
    """How far the estimate is off, as a fraction of what came of it."""
    return round(estimate / actual - 1, 4) if actual else float(estimate)


def _asked(*words: object) -> dict[str, Any]:
    """The JSON answer of a firstspike command; ends this program if the command fails."""
    command = [str(Path(sys.executable).parent / "firstspike"), *map(str, words), "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(f"error: firstspike {words[0]} exited with {done.returncode}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


if __name__ == "__main__":
    sys.exit(main())
