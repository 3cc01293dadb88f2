"""Core configurations that simulate quickly, and a comparison of a core's answers with the contract."""

from firstspike_contract import CoreConfig, StageConfig, evaluate
from firstspike_contract.core.trace import trace_times

BOTH = ("linear", "exponential")
# Kernel of a network -> kernels that the lanes are built for.
BUILT = {"linear": BOTH, "exponential": BOTH, "step": ("step",), "alpha": ("alpha",), "lif-2to1": ("lif-2to1",)}


def small_config(*, kernels=BOTH, stages=3, lanes=(4, 3, 2), ring=False, boot=0) -> CoreConfig:
    """Returns the configuration of a core that simulates quickly."""
    return CoreConfig(
        stages=tuple(
            StageConfig(
                lanes=lanes[k],
                depth=128,
                max_rows=4,
                inputs=32,
                constants=4,
                a_bits=28 if set(kernels) & {"alpha", "lif-2to1"} else 20,
                v_bits=40 if "lif-2to1" in kernels else 36,
                kernels=kernels,
                ring=ring,
            )
            for k in range(stages)
        ),
        addresses=32,
        max_steps=32,
        boot=boot,
    )


def differences(network, events, result, trace=None):
    """Returns the differences from the contract as text, empty if there are none."""
    expected = evaluate(network, events)
    wrong = [
        f"{name} {result[name]}, not {expected.result[name]}"
        for name in result.dtype.names
        if result[name] != expected.result[name]
    ]
    if trace is not None:
        step = int(expected.result["step"])
        for k, times in enumerate(trace_times(trace, network.sizes[1:], step)):
            if (times != expected.times[k + 1]).any():
                wrong.append(f"layer {k + 1} spikes {times.tolist()}, not {expected.times[k + 1].tolist()}")
    return "; ".join(wrong)
