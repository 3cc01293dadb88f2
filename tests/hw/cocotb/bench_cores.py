"""The core configurations of the benches: two small ones that simulate many images a second, and a shipped one."""

from firstspike_contract import CONFIGS, CoreConfig, FirstspikeError, Network, StageConfig, load_plan

__all__ = ["CORES", "fits"]


def _stage(lanes: int, rows: int, kernels: tuple[str, ...]) -> StageConfig:
    return StageConfig(
        lanes=lanes, depth=256, max_rows=rows, inputs=64, constants=8, a_bits=20, v_bits=36, kernels=kernels
    )


_BOTH = ("linear", "exponential")

CORES = {
    # three stages with few lanes: many rows of neurons, and all numbers of time steps
    "both": CoreConfig(
        stages=(_stage(4, 4, _BOTH), _stage(3, 4, _BOTH), _stage(2, 4, _BOTH)), addresses=40, max_steps=256
    ),
    # two stages with lanes for the linear kernel, in more than one group
    "linear": CoreConfig(stages=(_stage(20, 2, ("linear",)), _stage(5, 2, ("linear",))), addresses=40, max_steps=32),
    "small": CONFIGS["small"],
}


def fits(network: Network, config: CoreConfig) -> bool:
    """Returns whether the core can hold the network."""
    try:
        load_plan(network, config)
    except FirstspikeError:
        return False
    return True
