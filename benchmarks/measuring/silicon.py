"""Build the bitstream of a core for a target and print the figures of the routed core as one JSON object.

    python benchmarks/measure.py silicon build/silicon-fast --core fast --data mnist:test

With --data the data set runs through the gateware that was routed: simulated, images back to back. Without --data only
the core is measured and nothing is simulated. The compiler's estimate stands beside both. nextpnr's report is written
to build/reports/CORE-TARGET.json. A core that was routed before is not routed again.
"""

import argparse
import json
import re
import tempfile
from pathlib import Path
from typing import Any

from measuring._firstspike import answer

__all__ = ["main", "routed_figures", "simulated_figures"]

ANY_CLOCK = 10.0  # MHz, a goal that every core reaches
REPORTS = Path("build/reports")
LOGIC = ("lut", "ff", "bram", "dsp")  # figures of an estimate that place and route answers
FROM_RTL = (
    *("network", "dataset", "split", "images", "kernel", "steps", "steps_grid", "inputs", "inputs_seen", "accuracy"),
    *("spikes_total", "spikes_input", "spikes_hidden", "cycles", "latency_alone", "rows_read", "mismatches"),
)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("deployment", type=Path, help="a deployment directory")
    parser.add_argument("--core", required=True, help="core to build and to simulate")
    parser.add_argument("--target", default="ulx3s-85f", help="target to build for (default %(default)s)")
    parser.add_argument("--seed", default="1", help="seed of place and route (default 1)")
    parser.add_argument("--data", help="data set to run, for example mnist:test (default: none)")
    parser.add_argument("--kept-only", action="store_true", help="send only the events that the network does not drop")
    args = parser.parse_args(arguments)
    core, data = ("--core", args.core), ("--data", args.data) if args.data else ()
    build, report = _built(args)
    clock = build["actual"]["clock_mhz"]
    estimate = answer("estimate", args.deployment, "--target", args.target, *core, "--clock", clock, *data)
    found = routed_figures(build, estimate) | {"kept_only": args.kept_only}
    if args.data:
        sent = ("--kept-only",) if args.kept_only else ()
        rtl = answer("simulate", args.deployment, "--level", "rtl", *core, *data, *sent)
        found |= simulated_figures(build, estimate, rtl)
    name = f"{args.core}-{args.target}.json"
    REPORTS.mkdir(parents=True, exist_ok=True)
    (REPORTS / name).write_text(json.dumps(report, indent=1) + "\n")
    print(json.dumps(found | {"report": f"silicon/{name}"}))
    return 0


def _built(args: argparse.Namespace) -> tuple[dict[str, Any], Any]:
    """Builds the bitstream; returns the answer of `firstspike build` and nextpnr's report.

    Builds twice: the first run finds the clock that the routed core reaches, the second, of seconds, uses it.
    """
    with tempfile.TemporaryDirectory() as folder:
        clock = ANY_CLOCK
        for attempt in ("reach", "use"):
            out = Path(folder) / attempt
            what = ("--target", args.target, "--core", args.core, "--clock", clock, "--seed", args.seed)
            build = answer("build", args.deployment, *what, "-o", out)
            clock = build["actual"]["fmax_mhz"]
        text = (out / "nextpnr-report.json").read_text()
    return build, json.loads(re.sub(r'[^"|\s]*/site-packages/', "", text))  # without the folders of this machine


def routed_figures(build: dict[str, Any], estimate: dict[str, Any]) -> dict[str, Any]:
    """Returns what the core takes and reaches, from the answers of `firstspike build` and `firstspike estimate`."""
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
    """Returns the figures of a data set at the clock of the bitstream.

    build, estimate, rtl: the answers of `firstspike build`, `estimate` and `simulate --level rtl`.
    """
    actual, clock = build["actual"], build["actual"]["clock_mhz"]
    per_image = rtl["cycles_total"] / rtl["images"]  # back to back, loading of events included
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
    """Returns the error of an estimate as a fraction of the actual value; the estimate itself where that is 0."""
    return round(estimate / actual - 1, 4) if actual else float(estimate)
