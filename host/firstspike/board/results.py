"""What a board answers: one Result per image, or all of them as arrays."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firstspike_contract import Batch
from firstspike_contract.core.stream_format import ResultFlag

__all__ = ["Answers", "Result", "result_of"]

_COUNTS = ("spikes_input", "spikes_hidden", "spikes_output", "spikes_constant", "events_dropped", "events_refused")


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """Answer to one image.

    image:  its number in the stream, from 0. label: its own, if the set has labels.
    answer: the class. step: D, at which it was decided. silent, tie, exact_tie, late: marks (docs/core.md, results).
    cycles: clock cycles that it kept the core; latency: from its last byte to its result; 0 where a model answers.
    counts: of spikes and events up to the decision, by name.
    times:  int16 ``[n]`` per layer, spike times of every hidden and output neuron up to D, -1 for none; None unless
            spikes were asked for.
    """

    image: int
    label: int | None
    answer: int
    step: int
    silent: bool
    tie: bool
    exact_tie: bool
    late: bool
    cycles: int
    latency: int
    rows_read: int
    counts: dict[str, int]
    times: tuple[NDArray[np.int16], ...] | None = None

    @property
    def right(self) -> bool | None:
        """Whether the answer is the label; None without one."""
        return None if self.label is None else self.answer == self.label


def result_of(
    packet: Mapping[str, int], image: int, label: int | None, times: tuple[NDArray[np.int16], ...] | None
) -> Result:
    """A Result from the fields of one RESULT_PACKET."""
    flags = packet["flags"]
    return Result(
        image=image,
        label=label,
        answer=packet["class"],
        step=packet["step"],
        silent=bool(flags & ResultFlag.SILENT),
        tie=bool(flags & ResultFlag.TIE),
        exact_tie=bool(flags & ResultFlag.EXACT_TIE),
        late=bool(flags & ResultFlag.LATE),
        cycles=packet["cycles"],
        latency=packet["latency"],
        rows_read=packet["rows_read"],
        counts={name: packet[name] for name in _COUNTS},
        times=times,
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Answers:
    """Answers to N images as arrays.

    packets: records of RESULT_PACKET ``[N]``.
    batch:   as of the models, with every spike time up to the decision; None unless spikes were asked for.
    seconds: from the first byte sent to the last result, on the board's clock if it has one.
    """

    packets: NDArray[np.void]
    batch: Batch | None
    seconds: float

    def __len__(self) -> int:
        return len(self.packets)
