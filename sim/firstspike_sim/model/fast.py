"""The fast bit-true model, compiled by numba; its answers equal those of `contract.evaluate_set` in every bit."""

import itertools
import statistics
import time
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firstspike_contract import RESULT, Batch, EventSet, FirstspikeError, Network, check_event_arrays, check_network
from firstspike_contract.common.progress import Progress, unheard

from .layout import accumulators, plan_of, scratch_for

__all__ = ["FastModel", "measure"]

_CHUNK: Final = 1000  # images between two reports of progress


class FastModel:
    """A network laid out for the compiled kernel.

    The accumulators are the narrowest compiled ones that hold the exact worst case of every layer. Only one thread may
    run a model at a time, because the scratch memory belongs to the model.

    network:         network that the model computes.
    slope_dtype:     type of the accumulators A.
    potential_dtype: type of the accumulators V.

    Raises FirstspikeError if the network's arrays do not fit together or need more than 64 bits.
    """

    def __init__(self, network: Network) -> None:
        check_network(network)
        self.network = network
        self.slope_dtype, self.potential_dtype, fired_v = accumulators(network)
        self._plan = plan_of(network, self.potential_dtype, fired_v)
        self._scratch = scratch_for(network, self._plan, self.slope_dtype, self.potential_dtype)

    def run(self, events: EventSet, progress: Progress = unheard, out: Batch | None = None) -> Batch:
        """Computes the answers to all images, in order.

        progress: called as progress(done, total) every 1000 images.
        out:      Batch of an earlier run of this model with the same number of images. Its arrays are overwritten and
                  returned. This saves fresh memory, which takes the operating system as long as the computation itself.

        Odd events are refused and counted. Raises FirstspikeError if the arrays of the set do not belong together or
        `out` does not fit.
        """
        from .kernel import run_images

        check_event_arrays(events)
        batch = self._empty(len(events)) if out is None else out
        if not isinstance(batch, _FastBatch) or batch.all_times.shape != (len(events), sum(self.network.sizes)):
            raise FirstspikeError(f"`out` must be what an earlier run of {len(events)} images of this model returned")
        pairs = np.ascontiguousarray(events.events).view(np.uint32)
        offsets = np.ascontiguousarray(events.offsets, dtype=np.int64)
        n = len(events)
        for lo in range(0, n, _CHUNK):
            hi = min(n, lo + _CHUNK)
            run_images(
                self._plan,
                self._scratch,
                pairs,
                offsets[lo : hi + 1],
                batch.all_times[lo:hi],
                batch.rows[lo:hi],
                batch.results[lo:hi],
            )
            progress(hi, n)
        return batch

    def _empty(self, n: int) -> "_FastBatch":
        sizes = self.network.sizes
        times = np.empty((n, sum(sizes)), np.int16)
        edges = np.cumsum((0, *sizes))
        return _FastBatch(
            results=np.empty(n, RESULT),
            times=tuple(times[:, lo:hi] for lo, hi in itertools.pairwise(edges)),
            rows=np.empty((n, len(self.network.layers)), np.int32),
            all_times=times,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class _FastBatch(Batch):
    """A Batch whose spike times lie in one array.

    all_times: int16 ``[N, sum of sizes]``; `times` are views of it.
    """

    all_times: NDArray[np.int16]


def measure(model: FastModel, events: EventSet, repeats: int = 5) -> float:
    """Returns images per second: the median of `repeats` runs in one thread, after a first run that compiles."""
    batch = model.run(events)
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        model.run(events, out=batch)
        seconds.append(time.perf_counter() - start)
    return len(events) / statistics.median(seconds)
