"""A spike as stages and outputs show it to the trace."""

from amaranth.lib import data
from amaranth.utils import bits_for

__all__ = ["spike_layout"]


def spike_layout(steps: int) -> data.StructLayout:
    """t: step. x: number of the neuron in its layer."""
    return data.StructLayout({"t": bits_for(steps - 1), "x": 16})
