"""Tables of networks: in the integer model, in the simulated gateware, and on routed cores."""

from collections.abc import Sequence
from typing import Any, Final

from records import Record

from firstspike.cli.published import MOSTAFA_2017

from .text import Columns, captioned, network, number, percent, signed_percent, table

__all__ = ["compared", "cores", "gateware", "in_gateware", "in_silicon", "on_mnist", "on_routed_cores", "routed"]


def lookups(record: Record) -> str:
    """Returns the fractions of the weights that are looked up, layer by layer."""
    return " / ".join(percent(value) for name, value in sorted(record.items()) if name.startswith("lookups_"))


MODEL: Final[Columns] = (
    ("network", lambda r: r.get("title") or network(r)),
    ("kernel", lambda r: r["kernel"] or ""),
    ("T", lambda r: number(r["steps_grid"]) if "steps_grid" in r else ""),
    ("sees", lambda r: f"{r['inputs_seen']} of {r['inputs']} inputs" if "inputs_seen" in r else ""),
    ("accuracy", lambda r: percent(r.get("accuracy"))),
    ("ties, silent", lambda r: f"{percent(r['tie_rate'])}, {percent(r['silent_rate'])}" if "tie_rate" in r else ""),
    ("spikes", lambda r: number(round(r["spikes_total"], 1)) if "spikes_total" in r else ""),
    ("look-ups", lookups),
    ("time steps", lambda r: number(round(r["steps"], 1)) if r["steps"] is not None else ""),
)
PUBLISHED: Final[dict[str, Any]] = {
    **{"title": f"{MOSTAFA_2017['name']} (published)", "kernel": None, "steps": MOSTAFA_2017["steps"]},
    **{"accuracy": MOSTAFA_2017["accuracy"], "spikes_total": MOSTAFA_2017["spikes_total"]},
    **{f"lookups_{k}": value for k, value in enumerate(MOSTAFA_2017["lookups"])},
}
GATEWARE: Final[Columns] = (
    ("network", network),
    ("core", lambda r: r["core"]),
    ("T", lambda r: number(r["steps_grid"])),
    ("images", lambda r: number(r["images"])),
    ("images that differ", lambda r: number(r["mismatches"])),
    ("cycles an image", lambda r: number(r["cycles_mean"])),
    ("p99", lambda r: number(r["cycles_p99"])),
    ("TLAST to result, p99", lambda r: number(r["latency_alone_p99"])),
)
ON_ROUTED_CORE: Final[Columns] = (
    ("network", network),
    ("core, target", lambda r: f"{r['core']}, {r['target']}"),
    ("clock, MHz", lambda r: number(r["clock_mhz"])),
    ("cycles an image", lambda r: number(r["cycles_back_to_back"])),
    ("latency, us", lambda r: number(r["latency_us"])),
    ("images/s", lambda r: number(r["images_per_second"])),
    ("weight bits read an image", lambda r: number(round(r["weight_bits_read"]))),
    ("images that differ", lambda r: f"{number(r['mismatches'])} of {number(r['images'])}"),
)
CORES: Final[Columns] = (
    ("core, target", lambda r: f"{r['core']}, {r['target']}"),
    ("kernel", lambda r: r["kernel"]),
    ("reached, MHz", lambda r: number(r["fmax_mhz"])),
    ("LUT", lambda r: number(r["lut"])),
    ("FF", lambda r: number(r["ff"])),
    ("block RAM", lambda r: number(r["bram"])),
    ("multipliers", lambda r: number(r["dsp"])),
    (
        "error of the estimate, LUT and FF",
        lambda r: f"{signed_percent(r['estimate_error_lut'])}, {signed_percent(r['estimate_error_ff'])}",
    ),
)


def on_mnist(records: Sequence[Record]) -> list[Record]:
    """Returns the records of the integer model on all MNIST test digits."""
    wanted = {"dataset": "mnist", "split": "test", "level": "model"}
    return [r for r in records if "accuracy" in r and all(r.get(name) == value for name, value in wanted.items())]


def in_gateware(records: Sequence[Record]) -> list[Record]:
    """Returns the records of the simulated gateware."""
    return [r for r in records if r.get("level") == "rtl"]


def routed(records: Sequence[Record]) -> list[Record]:
    """Returns the records of cores that were placed and routed."""
    return [r for r in records if "fmax_mhz" in r]


def on_routed_cores(records: Sequence[Record]) -> list[Record]:
    """Returns those records of routed cores that a data set ran through."""
    return [r for r in routed(records) if "images_per_second" in r]


def compared(records: Sequence[Record]) -> str | None:
    """Returns the table of our networks on the MNIST test digits, with the published row last."""
    shown = on_mnist(records)
    note = (
        "Means over the 10,000 test digits, one bit per pixel, int8 weights, strict scoring. Spikes are those of "
        "inputs and hidden neurons up to the decision. Look-ups are the fraction of each layer's weights that events "
        "before the decision read. Time steps are those until the decision, on a grid of T steps; the published "
        "network has a grid of its own, so its time steps cannot be compared directly. "
        f"Published: {MOSTAFA_2017['source']}."
    )
    return captioned(MODEL, [*shown, PUBLISHED] if shown else [], note)


def gateware(records: Sequence[Record]) -> str | None:
    """Returns the table of networks in the simulated gateware, in clock cycles."""
    note = (
        "The gateware is simulated as RTL. It is compared with the integer model in every spike time up to the "
        "decision and in every field of the result. TLAST to result is the latency of images sent one at a time, in "
        "clock cycles."
    )
    return captioned(GATEWARE, in_gateware(records), note)


def in_silicon(records: Sequence[Record]) -> str | None:
    """Returns the table of networks on routed cores."""
    note = (
        "No board was at hand. The clock is what place and route reaches in the worst case of the speed grade. "
        "Cycles and answers come from a simulation of the RTL that was routed, with images sent back to back; they "
        "include taking in an image's events. Latency is the time from TLAST to the result, of images sent one at a "
        "time; it begins and ends at other clock edges than the cycles do, so the two differ by a few cycles."
    )
    return captioned(ON_ROUTED_CORE, on_routed_cores(records), note)


def cores(records: Sequence[Record]) -> str | None:
    """Returns the table of routed cores, and the counts of random networks in their gateware."""
    shown = routed(records)
    if not shown:
        return None
    fuzzed = [
        f"`{r['kernel']}` {number(r['networks'])} networks, {number(r['mismatches'])} mismatches"
        for r in records
        if r["label"].startswith("fuzz-")
    ]
    note = f"Random networks in the gateware, compared with the model: {'; '.join(fuzzed)}."
    return "\n\n".join([table(CORES, shown), *([note] if fuzzed else [])])
