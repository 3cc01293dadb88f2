"""A trainable TTFS network: the layers, constant inputs and encoding of one recipe.

Tested by tests/compiler/training/test_trainer.py.
"""

from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from firstspike_compiler.ir import Encoding, LayerIR, NetworkIR
from firstspike_contract import Kernel

from . import causal
from .layers import Array, Clock, GroupedLayer, SortedLayer, quantised
from .loss import loss_and_gradient
from .optimiser import Adam
from .recipe import Recipe

__all__ = ["Forward", "TrainableNetwork"]

SIDE = 28


@dataclass(frozen=True, kw_only=True)
class Forward:
    """The transformed spike times of a batch.

    hidden:  for each hidden layer, float ``[B, n]`` spike times on the time grid.
    raw:     for each hidden layer, float ``[B, n]`` spike times before they were moved to the grid.
    out:     float ``[B, classes]``, spike times of the outputs.
    missing: float ``[B, classes]``, missing potentials of the outputs.
    """

    hidden: list[Array]
    raw: list[Array]
    out: Array
    missing: Array


class TrainableNetwork:
    """A network with float weights, which are trained, and its forward and backward pass over a batch.

    recipe:      description of network and training.
    inputs:      number of inputs.
    classes:     number of outputs.
    mask:        bool ``[inputs]``, inputs that the network sees; None if it sees all.
    informative: bool ``[inputs]``, inputs that are not always dark.

    The trained network has zero rows for inputs that it does not see or that are not informative.
    """

    def __init__(self, recipe: Recipe, inputs: int, classes: int, mask: Array | None, informative: Array) -> None:
        self.recipe, self.inputs, self.mask = recipe, inputs, mask
        hidden = np.zeros(inputs, bool) if mask is None else ~mask
        # A dark input spikes in `two-time`, so its weights must be zero during training. In other encodings it is
        # silent, and its weights are trained, as deformed images use them.
        self.zero = hidden | ~informative if recipe.encoding == "two-time" else hidden
        self.informative = informative
        self.clock = Clock(exponential=recipe.kernel == "exponential", t_max=recipe.t_max, steps=recipe.steps)
        self.grouped = recipe.encoding in ("binary", "two-time") and not recipe.constants[0]
        self.late = late = None if recipe.late is None else self._on_code(recipe.late)
        first = GroupedLayer(self.clock, recipe.clamp, late) if self.grouped else SortedLayer(self.clock, recipe.clamp)
        self.layers: list[Any] = [first, *(SortedLayer(self.clock, recipe.clamp) for _ in recipe.hidden)]
        rng = np.random.default_rng([recipe.seed, 0])
        sizes = (inputs, *recipe.hidden, classes)
        self.optimisers = []
        for k, (mean, spread) in enumerate(recipe.start):
            shape = (sizes[k] + len(recipe.constants[k]), sizes[k + 1])
            weights = rng.normal(mean, spread, shape).astype(np.float32)
            if k == 0:
                weights[:inputs][self.zero] = 0
            self.optimisers.append(Adam(weights, 127 / recipe.units[k]))

    def _on_code(self, t: float) -> float:
        return float(np.floor(t / self.clock.tick + 0.5) * self.clock.tick)

    def weights(self, *, averaged: bool) -> list[Array]:
        """Returns the quantised weights of every layer.

        averaged: they are the average of the weights over the training; else the current weights.
        """
        chosen = (o.mean if averaged else o.weights for o in self.optimisers)
        return [quantised(w, unit) for w, unit in zip(chosen, self.recipe.units, strict=True)]

    def encode(self, values: Array) -> Array:
        """Returns the input of the first layer, float32 ``[B, inputs]``.

        values: ``[B, inputs]``, float 0..1 or uint8 0..255.

        A GroupedLayer takes bits, another layer transformed times.
        """
        unit = values.astype(np.float32) / (255 if values.dtype == np.uint8 else 1)
        bright = unit > 127 / 255
        if self.grouped:
            return bright.astype(np.float32)
        if self.recipe.encoding == "latency":
            assert self.late is not None
            code = np.floor(self.late / self.clock.tick * (1 - unit) + 0.5)
            return np.where(unit > 0, self.clock.to_u(code * self.clock.tick), causal.NEVER).astype(np.float32)
        dark = causal.NEVER if self.late is None else float(self.clock.to_u(np.array(self.late)))
        early = float(self.clock.to_u(np.array(0.0)))
        return np.where(bright, early, dark).astype(np.float32)

    def _with_constants(self, k: int, pre: Array) -> Array:
        times = self.recipe.constants[k]
        if not times:
            return pre
        u = self.clock.to_u(np.array([self._on_code(t) for t in times])).astype(pre.dtype)
        return np.hstack([pre, np.broadcast_to(u, (len(pre), len(u)))])

    def forward(self, encoded: Array, weights: list[Array]) -> Forward:
        """Runs a batch with the given (quantised) weights."""
        pre, hidden, raw = encoded, [], []
        for k, layer in enumerate(self.layers):
            u, missing = layer.forward(self._with_constants(k, pre), weights[k])
            if k < len(self.recipe.hidden):
                pre = self.clock.on_grid(u)
                raw.append(u)
                hidden.append(pre)
        return Forward(hidden=hidden, raw=raw, out=u, missing=missing)

    def gradients(self, encoded: Array, labels: Array, weights: list[Array]) -> tuple[float, list[Array]]:
        """Returns the mean loss of a batch, and its gradients with respect to the weights of every layer."""
        ran = self.forward(encoded, weights)
        loss, g_u, g_missing, g_hidden = loss_and_gradient(
            self.recipe, self.clock, labels, ran.out, ran.missing, ran.hidden
        )
        result: list[Array] = []
        for k in reversed(range(len(self.layers))):
            g_weights, g_pre = self.layers[k].backward(g_u, g_missing)
            result.insert(0, g_weights)
            if k:
                u_grid, u = ran.hidden[k - 1], ran.raw[k - 1]
                g_u = g_pre[:, : u.shape[1]] + g_hidden[k - 1]
                # gradients pass the grid straight through in t: du_grid/du = u_grid / u for exponential, 1 for linear
                fired = np.isfinite(u_grid)
                g_u = np.where(fired, g_u * (np.where(fired, u_grid, 1) / u if self.clock.exponential else 1), 0)
                g_u, g_missing = g_u.astype(u.dtype), np.zeros_like(u)
        result[0][: self.inputs][self.zero] = 0
        return loss, result

    def to_ir(self, record: dict[str, Any]) -> NetworkIR:
        """Returns the network with averaged weights, which are integers times a scale."""
        r = self.recipe
        layers = []
        for k, weights in enumerate(self.weights(averaged=True)):
            integers = np.rint(weights.astype(np.float64) * r.units[k])
            if k == 0:
                integers[: self.inputs][~self.informative] = 0
            layers.append(
                LayerIR(
                    name=f"layer{k + 1}",
                    weights=integers / r.units[k],
                    threshold=1.0,
                    scale=1 / r.units[k],
                    constant_times=np.array(r.constants[k], np.float64),
                    delays=np.zeros(weights.shape[1]),
                )
            )
        return NetworkIR(
            kernel=cast(Kernel, r.kernel),  # the recipe has checked it
            t_max=r.t_max, steps=r.steps, tau=1.0, encoding=Encoding(name=r.encoding, t_late=r.late),
            layers=tuple(layers), input_delays=np.zeros(self.inputs), mask=self.mask, record=record,
        )  # fmt: skip
