"""The training loop: batches, checkpoints and validation.

A seed determines the result, and a training can be resumed after every epoch.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from firstspike_compiler.ir import NetworkIR
from firstspike_contract.common.errors import FirstspikeError
from firstspike_contract.common.npy import read_npy

from .augment import deform
from .checkpoint import plain_recipe, restore_checkpoint, save_checkpoint
from .layers import Array
from .model import SIDE, TrainableNetwork
from .optimiser import learning_rate
from .recipe import Recipe

__all__ = ["EpochCallback", "load_mask", "train"]

EpochCallback = Callable[[dict[str, Any]], None]


def load_mask(name: str | None, inputs: int) -> Array | None:
    """Returns a mask, bool ``[inputs]``, true for inputs that the network sees; None if `name` is None.

    name: `checkerboard`, or a .npy file of `inputs` booleans or zeros and ones.

    Raises FirstspikeError if the mask cannot be read, does not fit the inputs, or hides all of them.
    """
    if name is None:
        return None
    if name == "checkerboard":
        if inputs != SIDE * SIDE:
            raise FirstspikeError(f"mask checkerboard needs a 28 x 28 input; this data has {inputs} inputs")
        return np.add.outer(np.arange(SIDE), np.arange(SIDE)).ravel() % 2 == 0
    try:
        mask = read_npy(name).ravel()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise FirstspikeError(
            f"mask {name!r} cannot be read ({reason}); use checkerboard or a .npy file of {inputs} booleans"
        ) from error
    if mask.shape != (inputs,) or mask.dtype.kind not in "biuf" or not np.isin(mask, (0, 1)).all():
        raise FirstspikeError(f"mask {name!r} has shape {mask.shape}; it must hold {inputs} booleans or zeros and ones")
    if not mask.any():
        raise FirstspikeError(f"mask {name!r} hides every input; at least one must be seen")
    return mask.astype(bool)


def train(
    recipe: Recipe,
    values: Array,
    labels: Array,
    *,
    validation: tuple[Array, Array] | None = None,
    checkpoint: Path | None = None,
    resume: bool = False,
    epoch_done: EpochCallback = lambda figures: None,
) -> NetworkIR:
    """Trains an int8 network by `recipe`.

    values:     ``[N, inputs]``, uint8 0..255 or float 0..1.
    labels:     int ``[N]`` from 0.
    validation: values and labels of a validation split; None holds out the last `recipe.validation` images.
    checkpoint: file that is rewritten after every epoch.
    resume:     the training continues from the checkpoint, if it exists, and gives the result it would have given.
    epoch_done: called after every epoch with its figures.

    Raises FirstspikeError if the data or the checkpoint do not fit the recipe.
    """
    train_x, train_y, held_x, held_y = _split(recipe, values, labels, validation)
    classes = int(max(train_y.max(), held_y.max())) + 1
    mask = load_mask(recipe.mask, values.shape[1])
    network = TrainableNetwork(recipe, values.shape[1], classes, mask, _informative(recipe, train_x))
    history: list[dict[str, Any]] = []
    if resume and checkpoint is not None and checkpoint.exists():
        history = restore_checkpoint(network, recipe, checkpoint)
    for epoch in range(len(history), recipe.epochs):
        started = time.perf_counter()
        loss = _epoch(network, recipe, epoch, train_x, train_y)
        figures = {
            "epoch": epoch + 1,
            "epochs": recipe.epochs,
            "loss": round(loss, 5),
            **_validate(network, held_x, held_y),
        }
        history.append(figures)
        epoch_done({**figures, "seconds": round(time.perf_counter() - started, 2)})
        if checkpoint is not None:
            save_checkpoint(network, recipe, checkpoint, history)
    return network.to_ir({"recipe": plain_recipe(recipe), "validation": history[-1] if history else {}})


def _split(recipe: Recipe, values: Array, labels: Array, validation: tuple[Array, Array] | None) -> tuple[Array, ...]:
    if len(values) != len(labels):
        raise FirstspikeError(f"{len(values)} images but {len(labels)} labels; there must be one label for each image")
    if validation is not None:
        return values, labels, *validation
    if not 0 < recipe.validation < len(values):
        raise FirstspikeError(
            f"recipe holds out {recipe.validation} of {len(values)} images; hold out at least 1 and leave at least 1"
        )
    cut = len(values) - recipe.validation
    return values[:cut], labels[:cut], values[cut:], labels[cut:]


def _epoch(network: TrainableNetwork, recipe: Recipe, epoch: int, values: Array, labels: Array) -> float:
    rng = np.random.default_rng([recipe.seed, 1, epoch])  # by epoch, so that a resumed run draws equal numbers
    order = rng.permutation(len(values))
    starts = range(0, len(order) - recipe.batch + 1, recipe.batch) if len(order) >= recipe.batch else [0]
    total = 0.0
    for n, start in enumerate(starts):
        chosen = order[start : start + recipe.batch]
        batch = values[chosen]
        if recipe.augment is not None:
            batch = deform(batch, recipe.augment, rng) * np.uint8(255)
        loss, gradients = network.gradients(network.encode(batch), labels[chosen], network.weights(averaged=False))
        rate = learning_rate(recipe.learning_rate, epoch + (n + 1) / len(starts), recipe.warm_up, recipe.epochs)
        for optimiser, gradient in zip(network.optimisers, gradients, strict=True):
            optimiser.step(gradient, rate, recipe.average)
        total += loss
    return float(total / len(starts))


def _validate(network: TrainableNetwork, values: Array, labels: Array, batch: int = 1000) -> dict[str, float]:
    """Returns figures of the averaged network on held-out data.

    Continuous output times decide the classes; hidden spikes and decision are counted by step.
    """
    weights = network.weights(averaged=True)
    right = spikes = steps = 0
    for start in range(0, len(values), batch):
        ran = network.forward(network.encode(values[start : start + batch]), weights)
        t = np.where(np.isfinite(ran.out), network.clock.to_t(np.where(np.isfinite(ran.out), ran.out, 1)), np.inf)
        shortfall = np.where(np.isfinite(t), t, network.clock.t_max + ran.missing)
        right += int((shortfall.argmin(1) == labels[start : start + batch]).sum())
        decision = np.minimum(np.ceil(t.min(1) / network.clock.tick - 1e-5), network.clock.steps - 1)
        end = network.clock.to_u(decision * network.clock.tick)[:, None] * (1 + 1e-6)
        spikes += sum(int((u <= end).sum()) for u in ran.hidden)
        steps += int(decision.sum())
    n = len(values)
    return {"accuracy": round(right / n, 5), "spikes_hidden": round(spikes / n, 3), "steps": round(steps / n, 3)}


def _informative(recipe: Recipe, values: Array) -> Array:
    """Returns bool ``[inputs]``, true for inputs that are not always dark in the training split.

    The rows of the other inputs end as zero, so that the compiler drops them.
    """
    dark = 0 if recipe.encoding == "latency" else 127
    return np.any(values > (dark if values.dtype == np.uint8 else dark / 255), axis=0)
