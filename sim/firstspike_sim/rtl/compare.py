"""Compares the gateware's answers with a model's: which images differ, and how."""

import numpy as np
from numpy.typing import NDArray

from firstspike_contract import RESULT, Batch, Network

from .core import RtlBatch

__all__ = ["compare", "difference"]


def compare(network: Network, rtl: RtlBatch, model: Batch) -> list[int]:
    """Returns the indices of the images in which a spike time up to the decision, or a result field, differs."""
    if len(rtl.batch) != len(model):
        raise ValueError(
            f"the gateware gives {len(rtl.batch)} answers, the model {len(model)}; compare the same images"
        )
    return [int(i) for i in np.flatnonzero(_wrong(network, rtl.batch, model))]


def difference(rtl: Batch, model: Batch, image: int) -> str:
    """Returns a text that says how an image differs: in result fields, or else in its first spike; empty if equal."""
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
