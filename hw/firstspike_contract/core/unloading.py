"""The inverse of `loading`: configuration and network of a core from its registers and memories."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from firstspike_contract.arithmetic.network import DROPPED, KERNELS, Kernel, Layer, Network
from firstspike_contract.arithmetic.tables import STEPS
from firstspike_contract.arithmetic.validation import check_network
from firstspike_contract.common.errors import FirstspikeError
from firstspike_contract.common.layout import pack_set, unpack_set

from .config import CoreConfig, StageConfig
from .memories import MAP_ENTRY, TABLE_WORD, beats_per_word
from .register_map import CORE_ID, CORE_VERSION, GLOBAL, STAGE, Memory, offset_of, register_of

__all__ = ["IDENTITY", "config_from", "identity", "layer_weights", "memory_beats", "network_from", "table_words"]

Beats = NDArray[np.uint32]

# The registers that show for what a core was built: those of the whole core, and those of each stage.
IDENTITY: Final = (
    ("BUILD", "BUILD_ADDRESSES"),
    ("LANES", "DEPTH", "MAX_ROWS", "MAX_INPUTS", "WIDTHS", "KERNELS", "CAPACITY"),
)


def identity(config: CoreConfig) -> dict[tuple[str, int | None], int]:
    """Returns the constants that the registers of a core show, by (name, stage or None)."""
    steps_log2 = config.max_steps.bit_length() - 1
    fields: dict[tuple[str, int | None], dict[str, int]] = {
        ("ID", None): {"value": CORE_ID},
        ("VERSION", None): {"value": CORE_VERSION},
        ("BUILD", None): {"stages": len(config.stages), "steps_log2": steps_log2, "boot": config.boot},
        ("BUILD_ADDRESSES", None): {"value": config.addresses},
    }
    for k, stage in enumerate(config.stages):
        fields |= {
            ("LANES", k): {"value": stage.lanes},
            ("DEPTH", k): {"value": stage.depth},
            ("MAX_ROWS", k): {"value": stage.max_rows},
            ("MAX_INPUTS", k): {"value": stage.inputs},
            ("WIDTHS", k): {"a_bits": stage.a_bits, "v_bits": stage.v_bits},
            ("KERNELS", k): {"value": pack_set(map(KERNELS.index, stage.kernels))},
            ("CAPACITY", k): {"constants": stage.constants, "learning": stage.learning, "ring": stage.ring},
        }
    return {(name, k): register_of(name, k).pack(**values) for (name, k), values in fields.items()}


def config_from(read: Callable[[str, int | None], int]) -> CoreConfig:
    """Returns the configuration of a core. read(name, stage or None): returns the value of a register of IDENTITY."""
    build = GLOBAL["BUILD"].unpack(read("BUILD", None))
    return CoreConfig(
        stages=tuple(_stage_from(read, k) for k in range(build["stages"])),
        addresses=read("BUILD_ADDRESSES", None),
        max_steps=2 ** build["steps_log2"],
        boot=build["boot"],
    )


def _stage_from(read: Callable[[str, int | None], int], k: int) -> StageConfig:
    widths, capacity = (STAGE[name].unpack(read(name, k)) for name in ("WIDTHS", "CAPACITY"))
    return StageConfig(
        lanes=read("LANES", k),
        depth=read("DEPTH", k),
        max_rows=read("MAX_ROWS", k),
        inputs=read("MAX_INPUTS", k),
        constants=capacity["constants"],
        a_bits=widths["a_bits"],
        v_bits=widths["v_bits"],
        kernels=tuple(KERNELS[i] for i in unpack_set(read("KERNELS", k)) if i < len(KERNELS)),
        learning=bool(capacity["learning"]),
        ring=bool(capacity["ring"]),
    )


def memory_beats(config: CoreConfig) -> dict[tuple[Memory, int], int]:
    """Returns the size in 32-bit beats of every memory that holds a part of the network, by kind and stage."""
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
            del words[Memory.DELAYS]  # outputs have no delays
        beats |= {(kind, k): count * beats_per_word(kind, stage) for kind, count in words.items()}
    return beats


def network_from(
    config: CoreConfig, registers: Mapping[int, int], memories: Mapping[tuple[Memory, int], Beats]
) -> Network:
    """Returns the network that a core with these contents computes: the inverse of `load_plan`.

    registers: values by byte offset; a register that is absent counts as 0.
    memories:  beats of every memory, sizes as in `memory_beats`.

    A core does not keep everything of a network. Only differences of the table `m` are loaded, so `m` begins with 0
    here. `source_inputs` is not loaded, and is the number of weight rows here.

    Raises FirstspikeError for sizes that a core of this configuration cannot have.
    """

    def register(name: str, stage: int | None = None) -> int:
        return registers.get(offset_of(name, stage), 0)

    steps, addresses = register("STEPS"), register("ADDRESSES")
    if steps not in STEPS or steps > config.max_steps or addresses > config.addresses:
        raise FirstspikeError(
            f"registers STEPS and ADDRESSES hold {steps} and {addresses}; this core can have no such network"
        )
    last = len(config.stages) - 1
    active = [*(k for k in unpack_set(register("ACTIVE")) if k < last), last]
    layers = []
    for k in active:
        sizes = tuple(register(name, k) for name in ("INPUTS", "CONSTANTS", "OUTPUTS"))
        layers.append(_layer(config.stages[k], memories, k, sizes, steps, delayed=k != last))
    entries = MAP_ENTRY.unpack(memories[Memory.INPUT_MAP, 0][:addresses].astype(np.int64))
    kept, rows = entries["kept"] == 1, entries["row"]
    input_delays = np.zeros(layers[0].inputs, np.int64)
    if (rows[kept] >= len(input_delays)).any():
        raise FirstspikeError("the input map names a row that the first layer does not have")
    input_delays[rows[kept]] = entries["delay"][kept]
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
    beats = memories[Memory.TABLES, k][: steps * beats_per_word(Memory.TABLES, stage)]
    table = {name: words.astype(np.int64) for name, words in table_words(beats).items()}
    return Layer(
        weights=layer_weights(stage, memories[Memory.WEIGHTS, k], inputs + constants, outputs),
        a=table["gain"],
        m=np.cumsum(table["rise"]),
        th=np.cumsum(table["threshold_change"]),
        constant_times=memories[Memory.CONSTANTS, k][:constants].astype(np.int64),
        delays=memories[Memory.DELAYS, k][:outputs].astype(np.int64) if delayed else np.zeros(outputs, np.int64),
        source_inputs=inputs,
    )


def table_words(beats: Beats) -> dict[str, NDArray[Any]]:
    """Returns the fields of TABLE_WORD from the beats of a table: by name an array with one entry for each step."""
    words = np.ascontiguousarray(beats, "<u4").view(TABLE_WORD.dtype)
    return {name: words[name] for name in TABLE_WORD.dtype.names or ()}


def layer_weights(stage: StageConfig, beats: Beats, inputs: int, outputs: int) -> NDArray[np.int8]:
    """Returns the weights int8 ``[inputs, outputs]`` in the beats of a stage's weight memory.

    inputs: constant inputs included; their rows are the last ones, in time order.
    """
    rows, per_word = stage.rows(outputs), beats_per_word(Memory.WEIGHTS, stage)
    words = np.ascontiguousarray(beats[: rows * inputs * per_word]).view(np.int8).reshape(rows, inputs, 4 * per_word)
    return words[:, :, : stage.lanes].transpose(1, 0, 2).reshape(inputs, rows * stage.lanes)[:, :outputs]


def _kernel(stages: list[StageConfig], layers: list[Layer]) -> Kernel:
    """Returns a kernel that has such tables. A core treats equal tables alike in all kernels but `step`."""
    if all(stage.kernels == ("step",) for stage in stages):
        return "step"
    counts = all((np.diff(layer.m) == 1).all() for layer in layers)
    if all((layer.a == 1).all() for layer in layers):
        constant = all((layer.th == layer.th[0]).all() for layer in layers)
        return "linear" if counts and constant else "exponential"
    return "alpha" if counts else "lif-2to1"
