"""A model's answers as the records that the gateware would send."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from firstspike_contract import RESULT, Batch
from firstspike_contract.core.stream_format import RESULT_PACKET, TRACE, TRACE_END, Header, ResultFlag
from firstspike_contract.link.wire import RECORD, RecordKind

__all__ = ["answers_of"]

_HEAD: Final = np.dtype([("kind", "u1"), ("status", "u1"), ("length", "<u2")])
_ANSWER: Final = np.dtype([("head", _HEAD), ("packet", RESULT_PACKET)])
_SPIKES_MAX: Final = 255  # beats of one record
_MARKS: Final = (("silent", ResultFlag.SILENT), ("tie", ResultFlag.TIE), ("exact_tie", ResultFlag.EXACT_TIE))


def answers_of(
    batch: Batch, tags: list[int], flags: list[int], labels: list[int], triggered: NDArray[np.bool_] | None = None
) -> bytes:
    """RESULT records of N images, each after its SPIKES if its flags ask for them. Cycles are not known, and 0.

    triggered: bool ``[N]``, which images changed weights; none, if not given.
    """
    answers = np.zeros(len(batch), _ANSWER)
    packets = answers["packet"]
    answers["head"] = (RecordKind.RESULT, 0, RESULT_PACKET.itemsize)
    for name in RESULT.names or ():
        if name in (RESULT_PACKET.names or ()):
            packets[name] = batch.results[name]
    packets["tag"], packets["label"] = tags, labels
    packets["rows_read"] = batch.rows.sum(axis=1)
    for name, flag in _MARKS:
        packets["flags"] |= np.where(batch.results[name], np.uint8(flag), np.uint8(0))
    if triggered is not None:
        packets["flags"] |= np.where(triggered, np.uint8(ResultFlag.TRIGGERED), np.uint8(0))
    wanted = int(Header.SPIKES)
    if not any(flag & wanted for flag in flags):
        return answers.tobytes()
    pieces = []
    for n in range(len(batch)):
        if flags[n] & wanted:
            pieces.append(_spikes(batch, n, tags[n]))
        pieces.append(answers[n].tobytes())
    return b"".join(pieces)


def _spikes(batch: Batch, n: int, tag: int) -> bytes:
    step = int(batch.results["step"][n])
    layers = [_of_layer(times[n], k, step) for k, times in enumerate(batch.times[1:], 1)]
    trace = np.concatenate(layers)
    trace = np.append(trace[np.argsort(trace["t"], kind="stable")], np.array([(tag, step, TRACE_END)], TRACE))
    pieces = []
    for at in range(0, len(trace), _SPIKES_MAX):
        body = trace[at : at + _SPIKES_MAX].tobytes()
        pieces.append(RECORD.pack(kind=RecordKind.SPIKES, length=len(body)) + body)
    return b"".join(pieces)


def _of_layer(times: NDArray[np.int16], layer: int, step: int) -> NDArray[np.void]:
    x = np.flatnonzero((times >= 0) & (times <= step))
    beats = np.zeros(len(x), TRACE)
    beats["x"], beats["t"], beats["layer"] = x, times[x], layer
    return beats
