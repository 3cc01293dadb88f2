"""A network in the form in which it is loaded: register values and memory contents (docs/core.md, memories)."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firstspike_contract.arithmetic.bounds import worst_case
from firstspike_contract.arithmetic.network import DROPPED, Layer, Network
from firstspike_contract.common.errors import FirstspikeError
from firstspike_contract.common.layout import pack_set

from .config import CONFIGS, CoreConfig, StageConfig
from .memories import MAP_ENTRY, TABLE_WORD, beats_per_word
from .register_map import Memory, write_of

__all__ = ["LoadPlan", "MemoryBlock", "boot_program", "core_for", "load_plan", "place"]


@dataclass(frozen=True, kw_only=True, eq=False)
class MemoryBlock:
    """The contents of one memory.

    kind:  kind of the memory.
    stage: its stage; 0 for the input map.
    beats: uint32 ``[words * beats_per_word]``, from word 0 on.
    """

    kind: Memory
    stage: int
    beats: NDArray[np.uint32]


@dataclass(frozen=True, kw_only=True, eq=False)
class LoadPlan:
    """Everything that is written to a core so that it computes a network.

    registers: (byte offset, value), in the order of writing.
    memories:  blocks, in the order of writing.
    stages:    stage of each layer.
    """

    registers: tuple[tuple[int, int], ...]
    memories: tuple[MemoryBlock, ...]
    stages: tuple[int, ...]


def place(network: Network, config: CoreConfig) -> tuple[int, ...]:
    """Returns the stage of each layer: the last stage for the output layer, stages before it for the others, in order.

    Of several possible choices, the first one in lexical order is taken.

    Raises FirstspikeError if the network does not fit the core.
    """
    last = len(config.stages) - 1
    if network.addresses > config.addresses:
        raise FirstspikeError(f"the core has {config.addresses} addresses, the network needs {network.addresses}")
    if network.steps > config.max_steps:
        raise FirstspikeError(f"the core walks {config.max_steps} steps, the network needs {network.steps}")
    for hidden in combinations(range(last), len(network.layers) - 1):
        stages = (*hidden, last)
        if all(_holds(config.stages[k], layer) for k, layer in zip(stages, network.layers, strict=True)):
            return stages
    sizes = ", ".join(f"{len(layer.weights)} x {layer.outputs}" for layer in network.layers)
    have = ", ".join(f"{s.lanes} lanes x {s.max_rows} rows, {s.depth} words" for s in config.stages)
    raise FirstspikeError(f"layers of {sizes} do not fit the stages of the core: {have}")


def core_for(network: Network, name: str | None = None) -> tuple[str, CoreConfig]:
    """Returns name and configuration of a shipped core: the one named, or the first of CONFIGS that holds the network.

    Raises FirstspikeError naming what each core lacks.
    """
    refusals = []
    for candidate in CONFIGS if name is None else (name,):
        try:
            load_plan(network, CONFIGS[candidate])
        except FirstspikeError as error:
            refusals.append(f"{candidate}: {error}")
        else:
            return candidate, CONFIGS[candidate]
    raise FirstspikeError("the network fits none of the cores; " + "; ".join(refusals))


def load_plan(network: Network, config: CoreConfig) -> LoadPlan:
    """Returns the plan of everything to be written to a core so that it computes this network.

    Raises FirstspikeError if the network does not fit: sizes, kernel, accumulators in the worst case.
    """
    stages = place(network, config)
    registers = [
        write_of("STEPS", value=network.steps),
        write_of("ADDRESSES", value=network.addresses),
        write_of("ACTIVE", value=pack_set(stages)),
    ]
    memories = [MemoryBlock(kind=Memory.INPUT_MAP, stage=0, beats=_input_map(network, config))]
    pre_delays = network.input_delays
    for k, layer in zip(stages, network.layers, strict=True):
        stage = config.stages[k]
        _check_layer(network, layer, stage, pre_delays, k)
        registers += [
            write_of("INPUTS", k, value=layer.inputs),
            write_of("CONSTANTS", k, value=layer.constants),
            write_of("OUTPUTS", k, value=layer.outputs),
            write_of("ROWS", k, value=stage.rows(layer.outputs)),
        ]
        order = np.argsort(layer.constant_times, kind="stable")  # the core takes constant inputs in time order
        blocks = {
            Memory.WEIGHTS: _weights(layer, stage, order),
            Memory.TABLES: _tables(layer),
            Memory.DELAYS: np.minimum(layer.delays, config.max_steps),
            Memory.CONSTANTS: layer.constant_times[order],
        }
        if k == len(config.stages) - 1:
            del blocks[Memory.DELAYS]  # outputs have no delays
        memories += [MemoryBlock(kind=kind, stage=k, beats=b.astype(np.uint32)) for kind, b in blocks.items() if len(b)]
        pre_delays = layer.delays
    return LoadPlan(registers=tuple(registers), memories=tuple(memories), stages=stages)


def boot_program(plan: LoadPlan) -> tuple[tuple[int, int], ...]:
    """Returns register writes that load everything outside block RAM and let the core run: (byte offset, value)."""
    writes = list(plan.registers)
    for block in plan.memories:
        if block.kind == Memory.CONSTANTS:
            writes.append(write_of("MEM_SELECT", kind=block.kind, stage=block.stage))
            writes.append(write_of("MEM_ADDRESS", value=0))
            writes += [write_of("MEM_DATA", beat=int(beat)) for beat in block.beats]
    return (*writes, write_of("CONTROL", run=1))


def _holds(stage: StageConfig, layer: Layer) -> bool:
    return stage.holds(len(layer.weights), layer.outputs) and layer.constants <= stage.constants


def _check_layer(network: Network, layer: Layer, stage: StageConfig, pre_delays: NDArray[np.int64], k: int) -> None:
    if network.kernel not in stage.kernels:
        raise FirstspikeError(
            f"stage {k} is built for {', '.join(stage.kernels)}; the network's kernel is {network.kernel}"
        )
    _check_tables(network, layer)
    need = worst_case(layer, network.kernel, pre_delays)
    if need.a_bits > stage.a_bits or need.v_bits > stage.v_bits:
        raise FirstspikeError(
            f"stage {k} has accumulators of {stage.a_bits} and {stage.v_bits} bits, "
            f"the layer needs {need.a_bits} and {need.v_bits} in the worst case"
        )


# What can be fixed about a layer's tables. `time` is 0 .. T-1.
_HOLDS: Final[dict[str, Callable[[Layer, NDArray[np.int64]], np.bool_]]] = {
    "a = 1": lambda layer, time: (layer.a == 1).all(),
    "m = t": lambda layer, time: (layer.m == time).all(),
    "m = 0": lambda layer, time: (layer.m == 0).all(),
    "one threshold": lambda layer, time: (layer.th == layer.th[0]).all(),
}
# Properties that a kernel gives its tables. Lanes rely on them, and a core does not store what they fix.
_FIXED: Final[dict[str, tuple[str, ...]]] = {
    "linear": ("a = 1", "m = t", "one threshold"),
    "step": ("a = 1", "m = 0"),
    "exponential": ("a = 1",),
    "alpha": ("m = t",),
    "lif-2to1": (),
}


def _check_tables(network: Network, layer: Layer) -> None:
    fixed, time = _FIXED[network.kernel], np.arange(network.steps)
    if not all(_HOLDS[what](layer, time) for what in fixed):
        required = " and ".join(filter(None, [", ".join(fixed[:-1]), fixed[-1]]))
        raise FirstspikeError(f"the kernel {network.kernel} requires {required}; the tables of this network differ")


def _input_map(network: Network, config: CoreConfig) -> NDArray[np.uint32]:
    """Returns the beats of the input map, a MAP_ENTRY for each address."""
    kept = network.input_map != DROPPED
    beats = np.zeros(network.addresses, np.uint32)
    rows = network.input_map[kept]
    delays = np.minimum(network.input_delays[rows], config.max_steps)
    beats[kept] = MAP_ENTRY.pack(row=rows, delay=delays, kept=1)
    return beats


def _weights(layer: Layer, stage: StageConfig, order: NDArray[np.int64]) -> NDArray[np.uint32]:
    """Returns the beats of the weight memory.

    Word r (n_in + P) + i holds the weights of row i to neurons r L .. r L + L - 1, a byte each, the lowest first.
    order: constant inputs in time order.
    """
    rows, beats = stage.rows(layer.outputs), beats_per_word(Memory.WEIGHTS, stage)
    weights = np.concatenate([layer.weights[: layer.inputs], layer.weights[layer.inputs :][order]])
    padded = np.zeros((len(weights), rows * stage.lanes), np.int8)
    padded[:, : layer.outputs] = weights
    words = np.zeros((rows, len(weights), beats * 4), np.int8)
    words[:, :, : stage.lanes] = padded.reshape(len(weights), rows, stage.lanes).transpose(1, 0, 2)
    return words.reshape(-1).view("<u4")


def _tables(layer: Layer) -> NDArray[np.uint32]:
    """Returns the beats of the tables, a TABLE_WORD for each step."""
    words = np.zeros(len(layer.th), TABLE_WORD.dtype)
    words["gain"] = layer.a
    words["rise"] = np.diff(layer.m, prepend=layer.m[:1])
    words["threshold_change"] = np.diff(layer.th, prepend=0)
    return words.view("<u4")
