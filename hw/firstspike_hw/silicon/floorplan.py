"""Where the block memories lie, chosen before placement (ECP5 85F): a weight memory spread over the device in order.

nextpnr's static placer moves blocks to sites as soon as they hardly overlap, some of them far away; or blocks that
have all their nets in common never part. With their sites given, what reads them is drawn there, and only logic moves.
A target's file says for which cores that is worth it (docs/decisions/clock.md).
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

# (row, rows of the device that are nearest to it) of the block memories, and the columns where four of them begin.
_ROWS: Final = ((22, 34), (46, 24), (70, 18), (82, 19))
_COLUMNS: Final = (4, 13, 22, 31, 40, 49, 58, 69, 78, 87, 96, 105, 114)
_MIDDLE: Final = (63, 50)

Site = tuple[int, int]  # column, row
SITES: Final[dict[Site, str]] = {
    (x + 2 * i, y): f"X{x + 2 * i}/Y{y}/EBR{i}" for y, _ in _ROWS for x in _COLUMNS for i in range(4)
}


# How soon nextpnr's router makes a track dear that wires share: by default in so few rounds that the last of them are
# sent across the device, 15 to 24 ns for a net of 5. There is no option for these two.
PATIENCE: Final = {"router2/initCurrCongWeight": "1.0", "router2/currCongWeightMult": "0.3"}


def recipe() -> str:
    """What decides on a plan besides the netlist: another one is another design."""
    return Path(__file__).read_text("utf-8")


def know_sites(part: str) -> None:
    """Raises FirstspikeError for a part whose sites are not known."""
    if "-85F" not in part:
        raise FirstspikeError(f"sites of block memories are known for parts such as LFE5U-85F, not for {part}")


def give_sites(modules: dict[str, Any], part: str) -> None:
    """Gives every block memory of Yosys' JSON netlist a site, in place, and the router PATIENCE.

    The stage with the most blocks of weights is spread over all rows, as many blocks in each as there is device around
    it; what is left lies in the middle.
    Raises FirstspikeError for a part with unknown sites, more blocks than sites, or a module of blocks that is there
    twice.
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
        raise FirstspikeError(f"{twice[0]} is there {instances[twice[0]]} times: its block memories have no site each")
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
    """((stage or -1, group, module, numbers in the name, name), cell) of every block."""
    for path, module in modules.items():
        found = _GROUP.search(path)
        stage, group = (int(found[1]), int(found[2])) if found else (-1, 0)
        for name, cell in module["cells"].items():
            if cell["type"] == BLOCK:
                yield (stage, group, path, [int(number) for number in re.findall(r"\d+", name)], name), cell


def _from_middle(site: Site) -> tuple[float, Site]:
    """A row is worth more than a column: those of blocks are far apart."""
    return abs(site[0] - _MIDDLE[0]) + 1.5 * abs(site[1] - _MIDDLE[1]), site


def _spread(count: int, free: list[Site]) -> list[Site]:
    """So many of the free sites, row by row, to and fro, at even distances."""
    rows = [[site for site in free if site[1] == row] for row, _ in _ROWS]
    wanted = [count * near / sum(near for _, near in _ROWS) for _, near in _ROWS]
    quota = [min(len(row), int(want)) for row, want in zip(rows, wanted, strict=True)]
    while sum(quota) < count:
        quota[max((k for k in range(4) if quota[k] < len(rows[k])), key=lambda k: wanted[k] - quota[k])] += 1
    sites = []
    for k, (row, n) in enumerate(zip(rows, quota, strict=True)):
        sites += [row[int((i + 0.5) * len(row) / n)] for i in range(n)][:: -1 if k % 2 else 1]
    return sites
