"""Random bits of learning: computes the state of an image serially, and those of its weight rows, one a cycle."""

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from firstspike_contract.arithmetic.random_bits import (
    INPUT_BITS,
    LAYER_BITS,
    ROW_ROUNDS,
    START,
    STATE_ROUNDS,
    V_BITS,
    image_state,
    row_key,
    row_state,
)
from firstspike_hw.fabric.sizes import check_sizes

__all__ = ["RowBits", "row_bits_layout"]


def row_bits_layout() -> data.StructLayout:
    """The words `u` and `v` of a weight row (contract.arithmetic.random_bits)."""
    return data.StructLayout({"u": 64, "v": V_BITS})


class RowBits(wiring.Component):
    """The source of random bits for at most `inputs` rows in `layers` layers; larger addresses have no key. Ports:

    seed:  in, 32 bits. Seed of the random bits; valid with `start`.
    count: in, 32 bits. Learning images before this one; valid with `start`.
    start: in, strobe. Begins an image.
    ready: out, 1 bit. The state of the image is known: from STATE_ROUNDS + 1 cycles after `start` on.
    layer: in, 0 .. layers - 1. Layer of a weight row; may change every cycle.
    row:   in, 0 .. inputs - 1. Number of the weight row in its layer; may change every cycle.
    bits:  out, `row_bits_layout`. The bits of that row, `latency` cycles later; valid only while `ready`.
    """

    latency = 1 + ROW_ROUNDS

    def __init__(self, *, inputs: int, layers: int) -> None:
        check_sizes(self, inputs=inputs, layers=layers)
        self.input_bits, self.layer_bits = max(1, (inputs - 1).bit_length()), max(1, (layers - 1).bit_length())
        if self.input_bits > INPUT_BITS or self.layer_bits > LAYER_BITS:
            raise ValueError(f"RowBits: {inputs} rows in {layers} layers are too many; 65536 rows in 16 layers fit")
        super().__init__(
            {
                "seed": In(32),
                "count": In(32),
                "start": In(1),
                "ready": Out(1),
                "layer": In(self.layer_bits),
                "row": In(self.input_bits),
                "bits": Out(row_bits_layout()),
            }
        )

    def model(self, inputs: Sequence[tuple[Any, ...]]) -> list[tuple[int, int]]:
        """Takes ("image", seed, count) and ("row", layer, row), in order; returns (u, v) of each row."""
        state, found = (0, 0), []
        for name, *values in inputs:
            if name == "image":
                state = image_state(*values)
            else:
                found.append(row_state(state, *values))
        return found

    def elaborate(self, platform: object) -> Module:
        m = Module()
        x, y, number = Signal(64), Signal(64), Signal(range(STATE_ROUNDS + 1))
        m.d.comb += self.ready.eq(number == STATE_ROUNDS)
        with m.If(self.start):
            m.d.sync += [x.eq(Cat(self.seed, self.count)), y.eq(START), number.eq(0)]
        with m.Elif(~self.ready):
            after = _round(x, y, number)
            m.d.sync += [x.eq(after[0]), y.eq(after[1]), number.eq(number + 1)]

        keys = self._keys()
        now: Any = (x ^ keys[0], y ^ keys[1])
        for k in range(ROW_ROUNDS + 1):
            u, v = Signal(64, name=f"u{k}", reset_less=True), Signal(64, name=f"v{k}", reset_less=True)
            m.d.sync += [u.eq(now[0]), v.eq(now[1])]
            now = _round(u, v, Const(0))
        m.d.comb += [self.bits.u.eq(u), self.bits.v.eq(v)]
        return m

    def _keys(self) -> tuple[Any, Any]:
        """Returns the key of the row at the ports, two words of 64 bits."""
        x: Any = Const(0, 64)
        y: Any = Const(0, 64)
        bits = [(self.row[k], row_key(0, 1 << k)) for k in range(self.input_bits)]
        bits += [(self.layer[k], row_key(1 << k, 0)) for k in range(self.layer_bits)]
        for bit, (key_x, key_y) in bits:
            x, y = x ^ Mux(bit, key_x, 0), y ^ Mux(bit, key_y, 0)
        return x, y


def _round(x: Any, y: Any, key: Any) -> tuple[Any, Any]:
    """Returns the words after `contract.arithmetic.random_bits.simon_round`: every bit has four inputs."""
    return y ^ (_left(x, 1) & _left(x, 8)) ^ _left(x, 2) ^ key, x


def _left(word: Any, count: int) -> Any:
    return Cat(word[64 - count :], word[: 64 - count])
