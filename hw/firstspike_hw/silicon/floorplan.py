"""Sites of the block memories, chosen before placement (ECP5 85F): a weight memory is spread over the device in order.

nextpnr's static placer moves blocks to sites as soon as they hardly overlap, some of them far away; or blocks that
have all their nets in common never separate. With given sites, the logic that reads a block is drawn to it, and only
logic moves. A target's file says for which cores that is worth it (docs/decisions/clock.md).
"""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from firstspike_contract import FirstspikeError

__all__ = ["PATIENCE", "SITES", "give_sites", "know_sites", "recipe"]

BLOCK: Final = "DP16KD"
_GROUP: Final = re.compile(r"\.stage(\d+)\.weights[^.]*\.group(\d+)$")

# Rows of block memories: (row, number of device rows nearest to it). Columns where four block memories begin.
_ROWS: Final = ((22, 34), (46, 24), (70, 18), (82, 19))
_COLUMNS: Final = (4, 13, 22, 31, 40, 49, 58, 69, 78, 87, 96, 105, 114)
_MIDDLE: Final = (63, 50)

Site = tuple[int, int]  # column, row
SITES: Final[dict[Site, str]] = {
    (x + 2 * i, y): f"X{x + 2 * i}/Y{y}/EBR{i}" for y, _ in _ROWS for x in _COLUMNS for i in range(4)
}


# How fast nextpnr's router raises the cost of a track that wires share. By default it takes so few rounds that the last
# wires are sent across the device, and nets of 5 ns take 15 to 24 ns. No command-line option sets these two.
PATIENCE: Final = {"router2/initCurrCongWeight": "1.0", "router2/currCongWeightMult": "0.3"}


def recipe() -> str:
    """Returns the text of this file. With the netlist it decides on a plan, so another text makes another design."""
    return Path(__file__).read_text("utf-8")


def know_sites(part: str) -> None:
    """Raises FirstspikeError for a part whose sites are not known."""
    if "-85F" not in part:
        raise FirstspikeError(f"sites of block memories are known for parts such as LFE5U-85F, not for {part}")


def give_sites(modules: dict[str, Any], part: str) -> None:
    """Gives every block memory of Yosys' JSON netlist a site, in place, and the router PATIENCE.

    The stage with the most blocks of weights is spread over all rows, in proportion to the device rows nearest to each.
    All other blocks lie in the middle.
    Raises FirstspikeError for a part with unknown sites, for more blocks than sites, and for a module with blocks that
    has more than one instance.
    """
    know_sites(part)
    blocks = sorted(_blocks(modules), key=lambda block: block[0])
    if len(blocks) > len(SITES):
        raise FirstspikeError(
            f"the design needs {len(blocks)} block memories, {part} has {len(SITES)}; use a smaller core"
        )
    instances = Counter(cell["type"] for module in modules.values() for cell in module["cells"].values())
    twice = [place[2] for place, _ in blocks if instances[place[2]] > 1]
    if twice:
        raise FirstspikeError(f"{twice[0]} is used {instances[twice[0]]} times, so its blocks cannot have a site each")
    of_weights = Counter(place[0] for place, _ in blocks if place[0] >= 0)
    stage = max(of_weights, key=of_weights.__getitem__, default=0)
    many = [cell for place, cell in blocks if place[0] == stage]
    few = [cell for place, cell in blocks if place[0] != stage]
    middle = sorted(SITES, key=_from_middle)[: len(few)]
    spread = _spread(len(many), sorted(SITES.keys() - set(middle)))
    for cell, site in zip(few + many, middle + spread, strict=True):
        cell.setdefault("attributes", {})["BEL"] = SITES[site]
    modules["top"]["settings"] = PATIENCE


def _blocks(modules: dict[str, Any]) -> Iterator[tuple[tuple[int, int, str, list[int], str], dict[str, Any]]]:
    """Yields ((stage or -1, group, module, numbers in the name, name), cell) for every block."""
    for path, module in modules.items():
        found = _GROUP.search(path)
        stage, group = (int(found[1]), int(found[2])) if found else (-1, 0)
        for name, cell in module["cells"].items():
            if cell["type"] == BLOCK:
                yield (stage, group, path, [int(number) for number in re.findall(r"\d+", name)], name), cell


def _from_middle(site: Site) -> tuple[float, Site]:
    """Returns a distance from the middle, to sort by. Rows count more than columns: rows of blocks are far apart."""
    return abs(site[0] - _MIDDLE[0]) + 1.5 * abs(site[1] - _MIDDLE[1]), site


def _spread(count: int, free: list[Site]) -> list[Site]:
    """Returns `count` of the free sites at even distances, row by row, every second row backwards."""
    rows = [[site for site in free if site[1] == row] for row, _ in _ROWS]
    wanted = [count * near / sum(near for _, near in _ROWS) for _, near in _ROWS]
    quota = [min(len(row), int(want)) for row, want in zip(rows, wanted, strict=True)]
    while sum(quota) < count:
        quota[max((k for k in range(4) if quota[k] < len(rows[k])), key=lambda k: wanted[k] - quota[k])] += 1
    sites = []
    for k, (row, n) in enumerate(zip(rows, quota, strict=True)):
        sites += [row[int((i + 0.5) * len(row) / n)] for i in range(n)][:: -1 if k % 2 else 1]
    return sites
