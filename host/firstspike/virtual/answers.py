"""Turns a model's answers into the records that the gateware would send."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from firstspike_contract import Batch
from firstspike_contract.core.stream_format import RESULT_PACKET, Header, ResultFlag, pack_result
from firstspike_contract.core.trace import TRACE, pack_trace
from firstspike_contract.link.wire import RECORD, RecordKind

__all__ = ["answers_of"]

_ANSWER: Final = np.dtype([("head", RECORD.dtype), ("packet", RESULT_PACKET.dtype)])
_SPIKES_MAX: Final = 255  # trace beats in one SPIKES record


def answers_of(
    batch: Batch, tags: list[int], flags: list[int], labels: list[int], triggered: NDArray[np.bool_] | None = None
) -> bytes:
    """Returns the RESULT records of N images, each after its SPIKES records if its flags ask for them.

    The model knows no clock cycles: `cycles` and `latency` are 0.

    triggered: bool ``[N]``, whether the image triggered; None means that none did.
    """
    answers = np.zeros(len(batch), _ANSWER)
    packets = answers["packet"]
    answers["head"] = (RecordKind.RESULT, 0, RESULT_PACKET.size)
    pack_result(packets, batch.results)
    packets["tag"], packets["label"] = tags, labels
    packets["rows_read"] = batch.rows.sum(axis=1)
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
    trace = np.append(trace[np.argsort(trace["t"], kind="stable")], np.array([(tag, step, 0, True)], TRACE))
    pieces = []
    for at in range(0, len(trace), _SPIKES_MAX):
        body = pack_trace(trace[at : at + _SPIKES_MAX]).tobytes()
        pieces.append(RECORD.to_bytes(kind=RecordKind.SPIKES, length=len(body)) + body)
    return b"".join(pieces)


def _of_layer(times: NDArray[np.int16], layer: int, step: int) -> NDArray[np.void]:
    x = np.flatnonzero((times >= 0) & (times <= step))
    beats = np.zeros(len(x), TRACE)
    beats["x"], beats["t"], beats["layer"] = x, times[x], layer
    return beats
