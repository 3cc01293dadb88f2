"""Moves a function of two signals that is an operand of an adder into the adder's own carry cells (ECP5).

A CCU2C has two four-input tables. An adder uses two inputs of each; synthesis fills the other two with constants. For
``a + (b | c)`` it adds a table for each bit before the carry cells, although the cells have room for that function.
"""

from collections import Counter
from collections.abc import Iterator
from itertools import product
from typing import Any, Final

__all__ = ["absorbed"]

# Contents of a carry cell's table as synthesis makes it: a ^ b where D is 1. Where D and C are 0 it is a, which is the
# carry of two equal bits.
_SUM: Final = "1001011010101010"
_CONSTANT: Final = ("0", "1", "x", "z")

Cell = dict[str, Any]


def absorbed(module: dict[str, Any]) -> int:
    """Moves tables of a module of Yosys' JSON netlist into its carry cells, in place. Returns how many tables moved."""
    cells: dict[str, Cell] = module["cells"]
    drivers = {cell["connections"]["Z"][0]: name for name, cell in cells.items() if cell["type"] == "LUT4"}
    readers = Counter(
        bit
        for cell in cells.values()
        for port, bits in cell["connections"].items()
        if cell["port_directions"][port] != "output"
        for bit in bits
    )
    readers.update(bit for port in module["ports"].values() for bit in port["bits"])
    gone = 0
    for pins, half, add in _sums(list(cells.values())):
        for mine, other in ("BA", "AB"):  # if the bits are equal, either of them is the carry
            bit = pins[mine + half][0]
            name = drivers.get(bit)
            if name is None or readers[bit] != 1:
                continue
            inputs = sorted({pin[0] for pin in _inputs(cells[name]) if pin[0] not in _CONSTANT})
            if len(inputs) != 2:
                continue
            kept = pins[other + half]
            pins |= {"A" + half: kept, "B" + half: [inputs[0]], "C" + half: [inputs[1]]}
            add["INIT" + half] = _sum_of(cells.pop(name), inputs)
            gone += 1
            break
    return gone


def _sums(cells: list[Cell]) -> Iterator[tuple[dict[str, list[Any]], str, dict[str, str]]]:
    """Yields (pins, "0" or "1", parameters) for every half of a carry cell that adds two bits."""
    for cell in cells:
        for half in "01" if cell["type"] == "CCU2C" else "":
            pins, parameters = cell["connections"], cell["parameters"]
            if parameters["INIT" + half] == _SUM and (pins["C" + half], pins["D" + half]) == (["0"], ["1"]):
                yield pins, half, parameters


def _inputs(table: Cell) -> list[list[Any]]:
    return [table["connections"][pin] for pin in "ABCD"]


def _sum_of(table: Cell, inputs: list[Any]) -> str:
    """Returns INIT of a carry cell's half, highest bit first: A ^ table(B, C) where D is 1, A where it is 0."""
    init = table["parameters"]["INIT"]

    def value(b: int, c: int) -> int:
        known = dict(zip(inputs, (b, c), strict=True)) | {"0": 0, "1": 1, "x": 0, "z": 0}
        return int(init[15 - sum(known[pin[0]] << n for n, pin in enumerate(_inputs(table)))])

    bits = [a ^ value(b, c) if d else a for d, c, b, a in product((0, 1), repeat=4)]
    return "".join(map(str, reversed(bits)))
