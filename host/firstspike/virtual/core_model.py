"""The event core as seen through its registers and streams, computed by the bit-true model."""

import zlib
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firstspike_contract import EVENT, Batch, CoreConfig, EventSet, Layer, LearnSettings, Network, evaluate_set
from firstspike_contract.core.memories import beats_per_word
from firstspike_contract.core.register_map import GLOBAL, Memory, offset_of, registers
from firstspike_contract.core.unloading import identity, memory_beats, network_from

from .core_learning import LearningModel, settings_in, weights_into

__all__ = ["CoreModel", "warm"]

_DATA: Final = offset_of("MEM_DATA")
_SELECT: Final = offset_of("MEM_SELECT")
_ADDRESS: Final = offset_of("MEM_ADDRESS")
_CRC: Final = offset_of("MEM_CRC")
_CONTROL: Final = offset_of("CONTROL")
_LEARN_COUNT: Final = offset_of("LEARN_COUNT")

_NO_IMAGE: Final = EventSet(events=np.zeros(0, EVENT), offsets=np.zeros(2, np.int64))


class CoreModel:
    """`write`, `read`: registers, as AXI4-Lite reaches them; `classify`, `learn`: images. It is never busy.

    memories: beats uint32 by (kind, stage), as MEM_DATA shows them; a test may spoil them.
    """

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        self.memories = {key: np.zeros(beats, np.uint32) for key, beats in memory_beats(config).items()}
        self._per_word = {(kind, k): beats_per_word(kind, config.stages[k]) for kind, k in self.memories}
        self._fixed = {offset_of(name, k): value for (name, k), value in identity(config).items()}
        self._fixed |= {offset_of("STATUS"): GLOBAL["STATUS"].pack(idle=1), offset_of("BUSY"): 0}
        built = list(registers(len(config.stages), learns=config.learns))
        self._writable = {offset: register for offset, _, _, register in built if register.writable}
        self._kept = {offset for offset, _, _, register in built if register.learning}  # no part of the network
        self.reset()

    def reset(self) -> None:
        """As `rst`: registers are cleared, memories stay."""
        self.registers = {offset: register.reset for offset, register in self._writable.items()}
        self._beat, self._crc, self.images, self.triggered = 0, 0, 0, 0
        self._network: Network | None = None
        self._learning: LearningModel | None = None  # has the weights of now, if any image was learnt

    @property
    def running(self) -> bool:
        """CONTROL.run."""
        return bool(GLOBAL["CONTROL"].unpack(self.registers[_CONTROL])["run"])

    def write(self, address: int, words: NDArray[np.uint32]) -> int:
        """Words to one register, one after the other. Returns how many were refused."""
        if address not in self._writable:
            return len(words)
        if not len(words):
            return 0
        if address not in self._kept:
            self._settle()
        if address == _DATA:
            self._reach(len(words), words)
        else:
            self.registers[address] = self._writable[address].after(int(words[-1]))
            if address == _ADDRESS:
                self._beat, self._crc = 0, 0
        if address not in (_CONTROL, _SELECT, _ADDRESS) and address not in self._kept:
            self._network = None
        return 0

    def read(self, address: int, count: int) -> tuple[NDArray[np.uint32], int]:
        """`count` words of one register, and how many of the accesses were refused."""
        if address == _DATA:
            self._settle()
            return self._reach(count, None), 0
        if address == _CRC:
            return np.full(count, self._crc, np.uint32), 0
        value = self.registers.get(address, self._fixed.get(address))
        if address == offset_of("IMAGES"):
            value = self.images
        elif address in self._kept and address not in self._writable:
            value = self.triggered if address == offset_of("TRIGGERED") else 0
        return np.full(count, value or 0, np.uint32), count if value is None else 0

    def network(self) -> Network:
        """What the registers and memories hold. Raises FirstspikeError if that is no network of this core."""
        if self._network is None:
            self._network = network_from(self.config, self.registers, self.memories)
            self._model = _model(self._network)
        return self._network

    def classify(self, events: EventSet) -> Batch:
        """Answers to images. Raises FirstspikeError if no network is loaded."""
        self._settle()
        self.network()
        self.images += len(events)
        return self._model(events)

    def learns(self, labels: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which images marked LEARN may change weights, bool ``[N]``: none in a core that cannot, or without a class
        of that number."""
        return (labels < self.network().classes) & self.config.learns

    def learn(self, events: EventSet, *, times: bool) -> tuple[Batch, NDArray[np.bool_]]:
        """Images with labels that all learn; times: every spike is wanted. Raises FirstspikeError likewise."""
        network = self.network()
        settings, count = settings_in(self.registers, self.config, network)
        if self._learning is None:
            self._learning = LearningModel(network, settings, count)
        self._learning.settings, self._learning.count = settings, count
        batch, triggered = self._learning.learn(events, times=times)
        self.images += len(events)
        self.registers[_LEARN_COUNT] = self._learning.count
        self.triggered += int(triggered.sum())
        return batch, triggered

    def _settle(self) -> None:
        """What was learnt becomes what the memories hold."""
        if self._learning is not None:
            self._network, self._learning = self._learning.network, None
            self._model = _model(self._network)
            weights_into(self.memories, self._network, self.config)

    def _reach(self, count: int, words: NDArray[np.uint32] | None) -> NDArray[np.uint32]:
        """The next `count` beats through MEM_DATA, changed to `words` if given. Nothing is beyond a memory's end."""
        select, address = GLOBAL["MEM_SELECT"].unpack(self.registers[_SELECT]), self.registers[_ADDRESS]
        known = select["kind"] in Memory._value2member_map_
        key = (Memory(select["kind"]), select["stage"]) if known else None
        per_word = self._per_word.get(key, 1) if key else 1
        at = address * per_word + self._beat
        memory = self.memories.get(key) if key else None
        part = np.zeros(0, np.uint32) if memory is None else memory[at : at + count]
        if words is None:
            seen = np.zeros(count, np.uint32)
            seen[: len(part)] = part
        else:
            seen = words
            part[:] = words[: len(part)]
        end = self._beat + count
        self.registers[_ADDRESS] = GLOBAL["MEM_ADDRESS"].after(address + end // per_word)
        self._beat = end % per_word
        self._crc = zlib.crc32(seen.astype("<u4").tobytes(), self._crc)
        return seen


@cache
def warm(*, learns: bool = False) -> None:
    """Compiles what the fast model compiles at its first use, once for narrow accumulators and once for wide ones.

    learns: what learning compiles, too.

    A board that keeps somebody waiting for that would seem to be dead.
    """
    one = np.ones(16, np.int64)
    for threshold in (1, 2**40):  # accumulators of 32 bits, and of 64
        layer = Layer(
            weights=np.ones((1, 1), np.int8),
            a=one,
            m=np.arange(16),
            th=one * threshold,
            constant_times=np.zeros(0, np.int64),
            delays=np.zeros(1, np.int64),
            source_inputs=1,
        )
        zero = np.zeros(1, np.int64)
        network = Network(kernel="linear", steps=16, input_map=zero, input_delays=zero, layers=(layer,))
        _model(network)(_NO_IMAGE)
        if learns:
            settings = LearnSettings(margin=0, late=0, chances=(0,))
            LearningModel(network, settings, 0).learn(replace(_NO_IMAGE, labels=zero), times=False)


def _model(network: Network) -> Callable[[EventSet], Batch]:
    """The fast model where its compiler is installed, else the plain one, with the same answers."""
    try:
        import numba as _  # noqa: F401
    except ModuleNotFoundError:
        return lambda events: evaluate_set(network, events)
    from firstspike_sim import FastModel

    return FastModel(network).run
