"""Computes the training loss on spike times, and its gradient."""

import numpy as np

from .layers import Array, Clock
from .recipe import Recipe

__all__ = ["loss_and_gradient"]


def loss_and_gradient(
    recipe: Recipe, clock: Clock, labels: Array, u_out: Array, missing: Array, hidden: list[Array]
) -> tuple[float, Array, Array, list[Array]]:
    """Returns the mean loss of a batch and its gradients.

    The loss of an image is the sum of

        cross entropy of softmax(-sharpness t), with label smoothing
        late_cost relu(t_label - late_after)
        spike_cost sum over hidden neurons j of relu(t_counted - t_j)

    t_counted is the end of the decision step: a hidden spike within that step changes nothing, but it is counted. An
    output that never fires counts as t = t_max + (1 - V(t_end)).

    labels:  int ``[B]``.
    u_out:   float ``[B, n_out]``, transformed spike times of the outputs, infinite for an output that never fires.
    missing: float ``[B, n_out]``, missing potentials of the outputs.
    hidden:  for each hidden layer, its transformed spike times ``[B, n]``.

    Returns loss, dL/du_out, dL/dmissing, [dL/du of each hidden layer].
    """
    rows = np.arange(len(labels))
    fired = np.isfinite(u_out)
    t = np.where(fired, clock.to_t(np.where(fired, u_out, 1)), clock.t_max + missing).astype(u_out.dtype)
    logits = -recipe.sharpness * t
    logits -= logits.max(1, keepdims=True)
    log_p = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    target = np.full_like(t, recipe.label_smoothing / t.shape[1])
    target[rows, labels] += 1 - recipe.label_smoothing
    loss = -(target * log_p).sum()
    g_t = -recipe.sharpness * (np.exp(log_p) - target)

    late = t[rows, labels] - recipe.late_after
    loss += recipe.late_cost * np.maximum(late, 0).sum()
    g_t[rows, labels] += recipe.late_cost * (late > 0)

    first = t.argmin(1)
    counted = ((np.ceil(t[rows, first] / clock.tick) + 1) * clock.tick)[:, None]
    g_hidden = []
    for u in hidden:
        t_h = np.where(np.isfinite(u), clock.to_t(np.where(np.isfinite(u), u, 1)), np.inf)
        early = np.maximum(counted - t_h, 0)
        loss += recipe.spike_cost * early.sum()
        g_t[rows, first] += recipe.spike_cost * (early > 0).sum(1)
        g_hidden.append((-recipe.spike_cost * (early > 0) / len(labels) * clock.dt_du(u)).astype(u.dtype))
    g_t /= len(labels)
    return float(loss / len(labels)), np.where(fired, g_t * clock.dt_du(u_out), 0), np.where(fired, 0, g_t), g_hidden
