"""The answers of a board: one Result for each image, or the answers to all images as arrays.

Tested by tests/host/board/test_board.py.
"""

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

    image:     the image's number in the stream, from 0.
    label:     the image's label, or None if the set has no labels.
    answer:    the class.
    step:      the decision step D.
    silent, tie, exact_tie, late: marks of the result (docs/core.md, results).
    cycles:    clock cycles for which the image occupied the core; 0 if a model answers.
    latency:   clock cycles from the image's last beat (TLAST) to its result; 0 if a model answers.
    rows_read: weight rows that the core read.
    counts:    numbers of spikes and events up to the decision, by name.
    times:     int16 ``[n]`` for each hidden and output layer: spike times up to D, -1 for none. None unless spikes
               were asked for.
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
        """Whether the answer equals the label; None if there is no label."""
        return None if self.label is None else self.answer == self.label


def result_of(
    packet: Mapping[str, int], image: int, label: int | None, times: tuple[NDArray[np.int16], ...] | None
) -> Result:
    """Makes a Result from the fields of one RESULT_PACKET."""
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
    batch:   the results in the form that the models use, with every spike time up to the decision. None unless spikes
             were asked for.
    seconds: time from the first byte sent to the last result, on the transport's clock (a simulated board has its own).
    """

    packets: NDArray[np.void]
    batch: Batch | None
    seconds: float

    def __len__(self) -> int:
        return len(self.packets)
