"""Learning on a core: whether it can learn a network, the values of its registers, and the weights that it learnt."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from firstspike_contract.arithmetic.bounds import worst_case
from firstspike_contract.arithmetic.learn import LearnSettings, check_settings
from firstspike_contract.arithmetic.network import Network
from firstspike_contract.common.errors import FirstspikeError

from .config import CoreConfig
from .loading import place
from .register_map import write_of
from .unloading import layer_weights

__all__ = ["check_core_learns", "learning_registers", "with_learnt"]


def check_core_learns(network: Network, config: CoreConfig) -> None:
    """Raises FirstspikeError if a core of this configuration cannot learn with this network.

    That is the case if the core has no learning unit, or if all weights at +-127 would overflow its accumulators.
    """
    if not config.learns:
        raise FirstspikeError(
            "this core was built without learning; take one that has it, such as sim:learning, or "
            "StageConfig(learning=True) in every stage; or let the model learn: --board model:"
        )
    pre_delays = network.input_delays
    for k, layer in zip(place(network, config), network.layers, strict=True):
        stage, need = config.stages[k], worst_case(layer, network.kernel, pre_delays, learning=True)
        if need.a_bits > stage.a_bits or need.v_bits > stage.v_bits:
            raise FirstspikeError(
                f"stage {k} has accumulators of {stage.a_bits} and {stage.v_bits} bits; the layer needs {need.a_bits} "
                f"and {need.v_bits} once all weights may become +-127; use fewer inputs or steps"
            )
        pre_delays = layer.delays


def learning_registers(
    network: Network, config: CoreConfig, settings: LearnSettings, count: int | None = None
) -> tuple[tuple[int, int], ...]:
    """Returns (byte offset, value) of the registers that learning reads.

    count: number of learning images so far; None leaves the core's own count.

    Raises FirstspikeError for settings out of range, or a core that cannot learn with the network.
    """
    check_settings(network, settings)
    check_core_learns(network, config)
    counted = () if count is None else (write_of("LEARN_COUNT", value=count),)
    chances = zip(place(network, config), settings.chances, strict=True)
    return (
        write_of("LEARN", margin=settings.margin, late=settings.late),
        write_of("LEARN_SEED", value=settings.seed),
        *counted,
        *(write_of("CHANCE", k, p=p) for k, p in chances),
    )


def with_learnt(network: Network, config: CoreConfig, memories: Mapping[int, NDArray[np.uint32]]) -> Network:
    """Returns the loaded network with the weights of now. memories: beats of the weight memory of each stage."""
    layers = []
    for k, layer in zip(place(network, config), network.layers, strict=True):
        read = layer_weights(config.stages[k], memories[k], len(layer.weights), layer.outputs)
        order = np.argsort(layer.constant_times, kind="stable")  # the core holds constant inputs in time order
        weights = read.copy()
        weights[layer.inputs :][order] = read[layer.inputs :]
        layers.append(replace(layer, weights=weights))
    return replace(network, layers=tuple(layers))
