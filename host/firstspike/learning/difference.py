"""Compares the weights of two networks of the same shape."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firstspike_contract import DROPPED, FirstspikeError, Network

__all__ = ["LayerDifference", "differences"]


@dataclass(frozen=True, kw_only=True, eq=False)
class LayerDifference:
    """The weights of one layer in both networks.

    before, after: int64 ``[n_in + P, n_out]``, with P constant inputs. The rows of the first layer are in the order of
    external addresses, and a dropped input has a row of zeros.
    """

    before: NDArray[np.int64]
    after: NDArray[np.int64]

    @property
    def moves(self) -> NDArray[np.int64]:
        """The differences after - before."""
        return self.after - self.before

    def figures(self) -> dict[str, Any]:
        """Returns counts and sizes of the differences by name, for the table and for `--json`."""
        moves = self.moves
        moved = moves != 0
        size = np.abs(moves)
        return {
            "weights": int(moves.size),
            "changed": int(moved.sum()),
            "changed_fraction": float(moved.mean()),
            "mean_move": float(size.mean()),
            "largest_move": int(size.max(initial=0)),
            "up": int((moves > 0).sum()),
            "down": int((moves < 0).sum()),
            "signs_changed": int(((self.before >= 0) != (self.after >= 0)).sum()),
            "saturated_before": int((np.abs(self.before) == 127).sum()),
            "saturated_after": int((np.abs(self.after) == 127).sum()),
        }


def differences(first: Network, second: Network) -> tuple[LayerDifference, ...]:
    """Returns the difference from `first` to `second` for each layer. Raises FirstspikeError if the shapes differ."""
    shapes = [(n.kernel, n.steps, n.sizes, tuple(layer.constants for layer in n.layers)) for n in (first, second)]
    if shapes[0] != shapes[1]:
        (kernel, steps, sizes, _), (other, other_steps, other_sizes, _) = shapes
        raise FirstspikeError(
            "two networks can be compared weight by weight if kernel, T, sizes and constant inputs agree: "
            f"have {kernel}, T = {steps}, {'-'.join(map(str, sizes))} and "
            f"{other}, T = {other_steps}, {'-'.join(map(str, other_sizes))}"
        )
    pairs = zip(_by_address(first), _by_address(second), strict=True)
    return tuple(LayerDifference(before=before, after=after) for before, after in pairs)


def _by_address(network: Network) -> list[NDArray[np.int64]]:
    """Returns the weights of every layer, with the rows of the first layer in the order of external addresses."""
    layer = network.layers[0]
    kept = np.flatnonzero(network.input_map != DROPPED)
    spread = np.zeros((network.addresses + layer.constants, layer.outputs), np.int64)
    spread[kept] = layer.weights[network.input_map[kept]]
    spread[network.addresses :] = layer.weights[layer.inputs :]
    return [spread, *(each.weights.astype(np.int64) for each in network.layers[1:])]
