"""The gateware's answers against a model's: which images differ, and in what."""

import numpy as np
from numpy.typing import NDArray

from firstspike_contract import RESULT, Batch, Network

from .core import RtlBatch

__all__ = ["compare", "difference"]


def compare(network: Network, rtl: RtlBatch, model: Batch) -> list[int]:
    """Indices of the images of which any spike time up to the decision, or any result field, is not the same."""
    if len(rtl.batch) != len(model):
        raise ValueError(f"{len(rtl.batch)} answers of the gateware, {len(model)} of the model")
    return [int(i) for i in np.flatnonzero(_wrong(network, rtl.batch, model))]


def difference(rtl: Batch, model: Batch, image: int) -> str:
    """What differs in an image, for a message: result fields, or the first spike; empty if nothing does."""
    have, want = rtl.results[image], model.results[image]
    fields = [name for name in RESULT.names or () if have[name] != want[name]]
    if fields:
        return ", ".join(f"{name} is {have[name]}, not {want[name]}" for name in fields)
    for k, (mine, theirs) in enumerate(zip(rtl.times, model.times, strict=True)):
        if (wrong := np.flatnonzero(mine[image] != theirs[image])).size:
            x = int(wrong[0])
            return f"neuron {x} of layer {k} spikes at {mine[image, x]}, not {theirs[image, x]} (-1: never)"
    return ""


def _wrong(network: Network, rtl: Batch, model: Batch) -> NDArray[np.bool_]:
    wrong = rtl.results != model.results
    for size, mine, theirs in zip(network.sizes, rtl.times, model.times, strict=True):
        if mine.shape[1] != size or theirs.shape[1] != size:
            raise ValueError(f"spike times of {mine.shape[1]} and {theirs.shape[1]} neurons, the network has {size}")
        wrong = wrong | (mine != theirs).any(axis=1)
    return wrong
