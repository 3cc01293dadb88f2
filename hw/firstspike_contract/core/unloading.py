"""The way back from `loading`: what a core was built as and which network it holds, by its registers and memories."""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firstspike_contract.arithmetic.network import DROPPED, KERNELS, Kernel, Layer, Network
from firstspike_contract.arithmetic.tables import STEPS
from firstspike_contract.arithmetic.validation import check_network
from firstspike_contract.common.errors import FirstspikeError

from .config import CoreConfig, StageConfig
from .loading import beats_per_word
from .register_map import CORE_ID, CORE_VERSION, Memory, offset_of

__all__ = ["IDENTITY", "config_from", "identity", "layer_weights", "memory_beats", "network_from"]

Beats = NDArray[np.uint32]

# The registers that say what a core was built as, of the whole core and of each stage.
IDENTITY: Final = (
    ("BUILD", "BUILD_ADDRESSES"),
    ("LANES", "DEPTH", "MAX_ROWS", "MAX_INPUTS", "WIDTHS", "KERNELS", "CAPACITY"),
)


def identity(config: CoreConfig) -> dict[tuple[str, int | None], int]:
    """What the registers of such a core show that cannot be written, by (name, stage or None)."""
    shown: dict[tuple[str, int | None], int] = {
        ("ID", None): CORE_ID,
        ("VERSION", None): CORE_VERSION,
        ("BUILD", None): len(config.stages) | (config.max_steps.bit_length() - 1) << 8 | config.boot << 16,
        ("BUILD_ADDRESSES", None): config.addresses,
    }
    for k, stage in enumerate(config.stages):
        shown |= {
            ("LANES", k): stage.lanes,
            ("DEPTH", k): stage.depth,
            ("MAX_ROWS", k): stage.max_rows,
            ("MAX_INPUTS", k): stage.inputs,
            ("WIDTHS", k): stage.a_bits | stage.v_bits << 8,
            ("KERNELS", k): sum(1 << KERNELS.index(name) for name in stage.kernels),
            ("CAPACITY", k): stage.constants | int(stage.learning) << 16 | int(stage.ring) << 17,
        }
    return shown


def config_from(read: Callable[[str, int | None], int]) -> CoreConfig:
    """The CoreConfig of a core, from read(name, stage or None) of the registers of IDENTITY."""
    build = read("BUILD", None)
    return CoreConfig(
        stages=tuple(_stage_from(read, k) for k in range(build & 0xFF)),
        addresses=read("BUILD_ADDRESSES", None),
        max_steps=1 << (build >> 8 & 0xFF),
        boot=build >> 16,
    )


def _stage_from(read: Callable[[str, int | None], int], k: int) -> StageConfig:
    widths, kernels, capacity = (read(name, k) for name in ("WIDTHS", "KERNELS", "CAPACITY"))
    return StageConfig(
        lanes=read("LANES", k),
        depth=read("DEPTH", k),
        max_rows=read("MAX_ROWS", k),
        inputs=read("MAX_INPUTS", k),
        constants=capacity & 0xFFFF,
        a_bits=widths & 0xFF,
        v_bits=widths >> 8 & 0xFF,
        kernels=tuple(name for i, name in enumerate(KERNELS) if kernels >> i & 1),
        learning=bool(capacity >> 16 & 1),
        ring=bool(capacity >> 17 & 1),
    )


def memory_beats(config: CoreConfig) -> dict[tuple[Memory, int], int]:
    """Size in 32-bit beats of every memory that MEM_DATA reaches, by kind and stage."""
    beats = {(Memory.INPUT_MAP, 0): config.addresses}
    last = len(config.stages) - 1
    for k, stage in enumerate(config.stages):
        words = {
            Memory.WEIGHTS: stage.depth,
            Memory.TABLES: config.max_steps,
            Memory.CONSTANTS: stage.constants,
            Memory.DELAYS: stage.lanes * stage.max_rows,
        }
        if k == last:
            del words[Memory.DELAYS]  # outputs have none
        beats |= {(kind, k): count * beats_per_word(kind, stage) for kind, count in words.items()}
    return beats


def network_from(
    config: CoreConfig, registers: Mapping[int, int], memories: Mapping[tuple[Memory, int], Beats]
) -> Network:
    """The network that a core computes with these contents: `load_plan` backwards.

    registers: by byte offset, 0 where absent. memories: beats ``[memory_beats]`` each. Tables `m` count from their
    first entry, which is 0 here, as only differences are loaded; a network's own `source_inputs` is not loaded either,
    and is the number of rows. Raises FirstspikeError for sizes that a core of this configuration does not have.
    """

    def register(name: str, stage: int | None = None) -> int:
        return registers.get(offset_of(name, stage), 0)

    steps, addresses = register("STEPS"), register("ADDRESSES")
    if steps not in STEPS or steps > config.max_steps or addresses > config.addresses:
        raise FirstspikeError(
            f"registers STEPS and ADDRESSES hold {steps} and {addresses}, which this core does not have"
        )
    last = len(config.stages) - 1
    active = [k for k in range(last) if register("ACTIVE") >> k & 1] + [last]
    layers = []
    for k in active:
        sizes = tuple(register(name, k) for name in ("INPUTS", "CONSTANTS", "OUTPUTS"))
        layers.append(_layer(config.stages[k], memories, k, sizes, steps, delayed=k != last))
    words = memories[Memory.INPUT_MAP, 0][:addresses]
    kept = words >> 31 == 1
    rows = (words & 0xFFFF).astype(np.int64)
    input_delays = np.zeros(layers[0].inputs, np.int64)
    if (rows[kept] >= len(input_delays)).any():
        raise FirstspikeError("the input map names a row that the first layer does not have")
    input_delays[rows[kept]] = words[kept] >> 16 & 0x7FFF
    network = Network(
        kernel=_kernel([config.stages[k] for k in active], layers),
        steps=steps,
        input_map=np.where(kept, rows, DROPPED),
        input_delays=input_delays,
        layers=tuple(layers),
    )
    check_network(network)
    return network


def _layer(
    stage: StageConfig,
    memories: Mapping[tuple[Memory, int], Beats],
    k: int,
    sizes: tuple[int, ...],
    steps: int,
    *,
    delayed: bool,
) -> Layer:
    inputs, constants, outputs = sizes
    if outputs == 0 or constants > stage.constants or not stage.holds(inputs + constants, outputs):
        raise FirstspikeError(f"stage {k} does not hold a layer of {inputs} + {constants} inputs and {outputs} neurons")
    table = np.ascontiguousarray(memories[Memory.TABLES, k][: 4 * steps]).view("<i8").reshape(steps, 2)
    return Layer(
        weights=layer_weights(stage, memories[Memory.WEIGHTS, k], inputs + constants, outputs),
        a=table[:, 0] & 0xFFFF_FFFF,
        m=np.cumsum(table[:, 0] >> 32),
        th=np.cumsum(table[:, 1]),
        constant_times=memories[Memory.CONSTANTS, k][:constants].astype(np.int64),
        delays=memories[Memory.DELAYS, k][:outputs].astype(np.int64) if delayed else np.zeros(outputs, np.int64),
        source_inputs=inputs,
    )


def layer_weights(stage: StageConfig, beats: Beats, inputs: int, outputs: int) -> NDArray[np.int8]:
    """Weights int8 ``[inputs, outputs]`` out of the beats of a stage's weight memory; constant inputs in time order."""
    rows, per_word = stage.rows(outputs), beats_per_word(Memory.WEIGHTS, stage)
    words = np.ascontiguousarray(beats[: rows * inputs * per_word]).view(np.int8).reshape(rows, inputs, 4 * per_word)
    return words[:, :, : stage.lanes].transpose(1, 0, 2).reshape(inputs, rows * stage.lanes)[:, :outputs]


def _kernel(stages: list[StageConfig], layers: list[Layer]) -> Kernel:
    """Which kernel has such tables; in all but `step` the core does the same with them."""
    if all(stage.kernels == ("step",) for stage in stages):
        return "step"
    counts = all((np.diff(layer.m) == 1).all() for layer in layers)
    if all((layer.a == 1).all() for layer in layers):
        constant = all((layer.th == layer.th[0]).all() for layer in layers)
        return "linear" if counts and constant else "exponential"
    return "alpha" if counts else "lif-2to1"
