"""Images that a board learns from, and the weights that it has come to (docs/learning.md)."""

import zlib

import numpy as np
from numpy.typing import NDArray

from firstspike.link import BoardError
from firstspike_contract import (
    CoreConfig,
    EventSet,
    FirstspikeError,
    LearnSettings,
    LoadPlan,
    Network,
    check_labels,
    learning_registers,
    with_learnt,
)
from firstspike_contract.common.progress import Progress
from firstspike_contract.core.register_map import Memory, offset_of
from firstspike_contract.core.stream_format import Header, unpack_result

from .loading import halted, read_memory, rename
from .registers import Registers
from .traffic import Traffic

__all__ = ["LearningLost", "learn", "learnt"]


class LearningLost(BoardError):
    """The board was lost among images that learn: which of them it has learnt is not known. Load a network again."""


def learn(
    board: tuple[Registers, Traffic],
    what: tuple[Network, CoreConfig, EventSet],
    how: tuple[LearnSettings, int],
    timeout: float,
    progress: Progress,
) -> NDArray[np.void]:
    """RESULT_PACKET ``[N]`` of images that learn; see Board.learn. Raises SessionLost too."""
    (registers, traffic), (network, config, events), (settings, count) = board, what, how
    if events.labels is None:
        raise FirstspikeError("learning needs a label for every image; this set has none")
    check_labels(events, network)
    writes = learning_registers(network, config, settings, count)
    rename(registers, 0)  # it is no longer what it was loaded as
    for address, value in writes:
        registers.write(address, value)
    packets, flags = bytearray(), int(Header.LEARN)
    for first, chunk in traffic.chunks(
        events, network.addresses, flags=flags, timeout=timeout, labels=events.labels, once=True
    ):
        packets += b"".join(packet for packet, _ in chunk)
        progress(first + len(chunk), len(events))
    (counted,) = registers.read([offset_of("LEARN_COUNT")])
    if counted != (count + len(events)) % 2**32:
        raise LearningLost(f"the board has counted {counted} learning images, not {(count + len(events)) % 2**32}")
    return unpack_result(np.frombuffer(bytes(packets), "<u4"))[0]


def learnt(registers: Registers, config: CoreConfig, plan: LoadPlan, network: Network) -> Network:
    """The network of that plan with the weights of now, images in flight finished first.

    Raises BoardError if what arrives here is not what the core has read, by its CRC-32.
    """
    memories = {}
    with halted(registers):
        for block in plan.memories:
            if block.kind == Memory.WEIGHTS:
                memories[block.stage] = beats = read_memory(registers, block)
                (crc,) = registers.read([offset_of("MEM_CRC")])
                if crc != zlib.crc32(beats.astype("<u4").tobytes()):
                    raise BoardError(
                        f"the weights of stage {block.stage} do not arrive as the board reads them; try again"
                    )
    return with_learnt(network, config, memories)
