"""What a stage's sequencer exchanges: operations for the lanes, counts of events, the end of an image.

Tested by tests/hw/stage/test_sequencer.py.
"""

from typing import Final, NamedTuple

from amaranth.lib import data
from amaranth.utils import bits_for

__all__ = ["COUNT_BITS", "LayerImage", "counts_layout", "issue_layout", "stop_layout"]

COUNT_BITS: Final = 16


def counts_layout() -> data.StructLayout:
    """Numbers of a layer's input events up to some step.

    spikes:    events that are spikes.
    constants: events of constant inputs.
    """
    return data.StructLayout({"spikes": COUNT_BITS, "constants": COUNT_BITS})


def stop_layout(steps: int) -> data.StructLayout:
    """The end of an image.

    valid: the image ends with step t.
    """
    return data.StructLayout({"valid": 1, "t": bits_for(steps - 1)})


def issue_layout(*, depth: int, rows: int, steps: int) -> data.StructLayout:
    """One operation for the lanes: at most one of clear, drive and walk.

    row:     row of neurons.
    last:    it is the last row of a `walk`.
    t:       step.
    address: weight word of a `drive`.
    """
    fields = {"clear": 1, "drive": 1, "walk": 1, "row": bits_for(rows - 1), "last": 1, "t": bits_for(steps - 1)}
    return data.StructLayout({**fields, "address": bits_for(depth - 1)})


class LayerImage(NamedTuple):
    """An image as a layer meets it, in the model of the sequencer.

    buckets:   rows of the events of each step ``[T]``, in the order in which the calendar queue gives them.
    constants: times of the constant inputs, ascending.
    inputs:    number of the layer's inputs.
    rows:      number of its rows of neurons.
    stop:      the step with which the image ends, if `stop` is valid from the beginning; None: it ends with T-1.
    """

    buckets: list[list[int]]
    constants: list[int]
    inputs: int
    rows: int
    stop: int | None = None

    @property
    def last(self) -> int:
        """The last step."""
        return len(self.buckets) - 1 if self.stop is None else self.stop
