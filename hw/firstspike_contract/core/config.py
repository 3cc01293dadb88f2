"""The configuration of a core. It is fixed at synthesis, unlike the network, which is loaded at run time."""

from dataclasses import dataclass
from typing import Final

from firstspike_contract.arithmetic.network import KERNELS
from firstspike_contract.arithmetic.random_bits import LAYER_BITS
from firstspike_contract.common.errors import FirstspikeError

__all__ = ["CONFIGS", "MAX_STAGES", "WIDE", "CoreConfig", "StageConfig"]

WIDE: Final = 256  # most lanes of a stage that is not wide
MAX_STAGES: Final = 32  # the register ACTIVE has a bit for each stage

_COUNT: Final = range(1, 2**16 + 1)  # numbers of entries that a 16-bit address can reach


@dataclass(frozen=True, kw_only=True)
class StageConfig:
    """One stage: the lanes and the weight memory of one layer.

    lanes:     L, neurons updated per cycle; n neurons take ``rows(n) = ceil(n / L)`` cycles per event and step.
    depth:     words of L weights in the weight memory; a layer of n_in + P weight rows needs (n_in + P) * rows(n_out).
    max_rows:  largest rows(n) that the neuron state memories hold, so at most L * max_rows neurons.
    inputs:    largest n_in + P, and number of entries of the calendar queue.
    constants: largest P.
    a_bits:    signed width of the accumulator A.
    v_bits:    signed width of the accumulator V (and of V - th).
    kernels:   names of the kernels built in.
    ring:      whether the neuron state rotates in registers instead of lying in LUT memory. This gives the shortest
               path and the least logic, but every layer takes max_rows cycles per event and step, even a small one.
    learning:  whether the weights can be learnt on chip.
    """

    lanes: int
    depth: int
    max_rows: int
    inputs: int = 1024
    constants: int = 32
    a_bits: int = 32
    v_bits: int = 40
    kernels: tuple[str, ...] = KERNELS
    ring: bool = False
    learning: bool = False

    def __post_init__(self) -> None:
        """Raises FirstspikeError for a stage that cannot be built."""
        for name in ("lanes", "depth", "max_rows", "inputs"):
            _check("stage", name, getattr(self, name), _COUNT)
        _check("stage", "constants", self.constants, range(self.inputs + 1))
        for name in ("a_bits", "v_bits"):
            _check("stage", name, getattr(self, name), range(2, 65))
        _check("stage", "lanes x max_rows", self.lanes * self.max_rows, _COUNT)
        if not self.kernels or len(set(self.kernels)) < len(self.kernels) or not set(self.kernels) <= set(KERNELS):
            raise FirstspikeError(
                f"a stage is built for some of the kernels {', '.join(KERNELS)}, each once, not for "
                f"{', '.join(map(str, self.kernels)) or 'none'}; for example linear"
            )

    @property
    def wide(self) -> bool:
        """Whether the stage has more lanes than one clock cycle can reach.

        A wide stage has relays, which delay each row by one cycle. A stage that learns is never wide.
        """
        return self.lanes > WIDE and not self.learning

    def rows(self, outputs: int) -> int:
        """Returns the rows of a layer of `outputs` neurons: cycles per event and step, memory words per weight row."""
        needed = -(-outputs // self.lanes)
        return max(needed, self.max_rows) if self.ring else needed

    def words(self, inputs: int, outputs: int) -> int:
        """Returns the words of weight memory that a layer takes. inputs: constant inputs included."""
        return inputs * self.rows(outputs)

    def holds(self, inputs: int, outputs: int) -> bool:
        """Whether a layer of that size fits the memories. inputs: constant inputs included."""
        fits = inputs <= self.inputs and self.rows(outputs) <= self.max_rows
        return fits and self.words(inputs, outputs) <= self.depth


@dataclass(frozen=True, kw_only=True)
class CoreConfig:
    """A core: one stage for each layer of a network, the last stage for the output layer.

    A network with fewer layers leaves stages before the last one unused; events pass them by.

    stages:    from input to output.
    addresses: entries of the input map.
    max_steps: largest T, a power of two in 16..256.
    boot:      words of the boot memory (core.boot); 0 means that there is none, and that only a host can load the core.
    """

    stages: tuple[StageConfig, ...]
    addresses: int = 1024
    max_steps: int = 256
    boot: int = 0

    def __post_init__(self) -> None:
        """Raises FirstspikeError for a core that cannot be built."""
        _check("core", "number of stages", len(self.stages), range(1, MAX_STAGES + 1))
        _check("core", "addresses", self.addresses, _COUNT)
        _check("core", "boot", self.boot, range(2**16))
        if self.max_steps not in (16, 32, 64, 128, 256):
            raise FirstspikeError(f"max_steps of a core is 16, 32, 64, 128 or 256, not {self.max_steps}")
        if self.learns:
            _check("core that learns", "number of stages", len(self.stages), range(1, 2**LAYER_BITS + 1))

    @property
    def learns(self) -> bool:
        """Whether the core can learn on chip: every stage must be able to, because errors pass through all of them."""
        return all(stage.learning for stage in self.stages)


def _check(what: str, name: str, value: int, allowed: range) -> None:
    if value not in allowed:
        raise FirstspikeError(f"{name} of a {what} must be in {allowed.start}..{allowed.stop - 1}, not {value}")


_BOTH: Final = ("linear", "exponential")

# The cores that ship, in order of preference. The accumulators of `fast` hold 784 inputs of weight 127 over 256 steps,
# those of `wide` 512 inputs over 32 steps. A multiplier takes 18 bits: with an A of 18 bits, a lane needs only one.
CONFIGS: Final = {
    "fast": CoreConfig(
        stages=(
            StageConfig(lanes=200, depth=2048, max_rows=3, a_bits=20, v_bits=28, kernels=("linear",), ring=True),
            StageConfig(lanes=10, depth=1024, max_rows=1, a_bits=20, v_bits=28, kernels=("linear",), ring=True),
        ),
        boot=1024,
    ),
    "wide": CoreConfig(
        stages=(
            StageConfig(
                lanes=600, depth=512, max_rows=1, inputs=512, a_bits=17, v_bits=22, kernels=("linear",), ring=True
            ),
            StageConfig(lanes=10, depth=1024, max_rows=1, a_bits=17, v_bits=22, kernels=("linear",), ring=True),
        ),
        max_steps=32,
        boot=1024,
    ),
    "small": CoreConfig(
        stages=(
            StageConfig(lanes=8, depth=4096, max_rows=16, kernels=_BOTH),
            StageConfig(lanes=8, depth=512, max_rows=4, inputs=512, kernels=_BOTH),
        ),
        boot=1024,
    ),
    "exponential": CoreConfig(
        stages=(
            StageConfig(lanes=100, depth=4096, max_rows=6, a_bits=18, v_bits=36, kernels=_BOTH),
            StageConfig(lanes=10, depth=1024, max_rows=1, a_bits=18, v_bits=36, kernels=_BOTH, ring=True),
        ),
        boot=1024,
    ),
    "step": CoreConfig(
        stages=(
            StageConfig(lanes=200, depth=2048, max_rows=3, a_bits=20, v_bits=20, kernels=("step",), ring=True),
            StageConfig(lanes=10, depth=1024, max_rows=1, a_bits=20, v_bits=20, kernels=("step",), ring=True),
        ),
        boot=1024,
    ),
    "alpha": CoreConfig(
        stages=(
            StageConfig(lanes=32, depth=8192, max_rows=16, inputs=512, a_bits=32, v_bits=40, kernels=("alpha",)),
            StageConfig(lanes=16, depth=512, max_rows=1, inputs=512, kernels=("alpha",), ring=True),
        ),
        boot=1024,
    ),
    "lif": CoreConfig(
        stages=(
            StageConfig(lanes=32, depth=8192, max_rows=16, inputs=512, a_bits=32, v_bits=40, kernels=("lif-2to1",)),
            StageConfig(lanes=16, depth=512, max_rows=1, inputs=512, kernels=("lif-2to1",), ring=True),
        ),
        boot=1024,
    ),
    "tiny": CoreConfig(
        stages=(
            StageConfig(lanes=8, depth=512, max_rows=16, inputs=16, constants=4, a_bits=16, v_bits=32, kernels=_BOTH),
            StageConfig(
                lanes=4, depth=512, max_rows=1, inputs=128, constants=4, a_bits=16, v_bits=32, kernels=_BOTH, ring=True
            ),
        ),
        addresses=16,
        max_steps=64,
        boot=256,
    ),
    "general": CoreConfig(
        stages=(
            StageConfig(lanes=64, depth=4096, max_rows=16, kernels=_BOTH),
            StageConfig(lanes=32, depth=2048, max_rows=16, kernels=_BOTH),
            StageConfig(lanes=16, depth=1024, max_rows=8, kernels=_BOTH),
        ),
        boot=1024,
    ),
    # One layer, so that it fits a device of 5,280 logic cells whose look-up tables cannot serve as memory.
    "micro": CoreConfig(
        stages=(
            StageConfig(
                lanes=1,
                depth=64,
                max_rows=4,
                inputs=16,
                constants=0,
                a_bits=12,
                v_bits=18,
                kernels=("linear",),
                ring=True,
            ),
        ),
        addresses=16,
        max_steps=16,
        boot=128,
    ),
    "learning": CoreConfig(
        stages=(
            StageConfig(
                lanes=100, depth=4096, max_rows=6, a_bits=18, v_bits=26, kernels=("linear",), ring=True, learning=True
            ),
            StageConfig(
                lanes=10, depth=1024, max_rows=1, a_bits=18, v_bits=26, kernels=("linear",), ring=True, learning=True
            ),
        ),
        boot=1024,
    ),
}
