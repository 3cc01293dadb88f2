"""The layout in which stages and outputs show a spike to the trace.

Tested by tests/hw/core/test_core.py.
"""

from amaranth.lib import data
from amaranth.utils import bits_for

__all__ = ["spike_layout"]


def spike_layout(steps: int) -> data.StructLayout:
    """A spike.

    t: step.
    x: number of the neuron in its layer.
    """
    return data.StructLayout({"t": bits_for(steps - 1), "x": 16})
