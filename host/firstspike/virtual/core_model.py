"""The event core as its registers and streams show it, computed by the bit-true model."""

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
    """A model of an event core. It is never busy.

    `write` and `read` reach the registers, as AXI4-Lite does in gateware. `classify` and `learn` take images.

    memories:  contents by (kind, stage): beats uint32, as MEM_DATA shows them; a test may damage them.
    images:    images answered since the last reset.
    triggered: learning images that triggered since the last reset.
    """

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        self.memories = {key: np.zeros(beats, np.uint32) for key, beats in memory_beats(config).items()}
        self._per_word = {(kind, k): beats_per_word(kind, config.stages[k]) for kind, k in self.memories}
        self._fixed = {offset_of(name, k): value for (name, k), value in identity(config).items()}
        self._fixed |= {offset_of("STATUS"): GLOBAL["STATUS"].pack(idle=1), offset_of("BUSY"): 0}
        built = list(registers(len(config.stages), learns=config.learns))
        self._writable = {offset: register for offset, _, _, register in built if register.writable}
        self._kept = {offset for offset, _, _, register in built if register.learning}  # not part of the network
        self.reset()

    def reset(self) -> None:
        """Does what the gateware's `rst` does: registers take their reset values, memories keep their contents."""
        self.registers = {offset: register.reset for offset, register in self._writable.items()}
        self._beat, self._crc, self.images, self.triggered = 0, 0, 0, 0
        self._network: Network | None = None
        self._learning: LearningModel | None = None  # holds the newest weights after a learning image

    @property
    def running(self) -> bool:
        """Whether CONTROL.run is set."""
        return bool(GLOBAL["CONTROL"].unpack(self.registers[_CONTROL])["run"])

    def write(self, address: int, words: NDArray[np.uint32]) -> int:
        """Writes words to one register, one after the other. Returns the number of refused words."""
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
        """Reads one register `count` times. Returns the words and the number of refused accesses."""
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
        """Returns the network in registers and memories. Raises FirstspikeError if they hold none for this core."""
        if self._network is None:
            self._network = network_from(self.config, self.registers, self.memories)
            self._model = _model(self._network)
        return self._network

    def classify(self, events: EventSet) -> Batch:
        """Returns the answers to images. Raises FirstspikeError if no network is loaded."""
        self._settle()
        self.network()
        self.images += len(events)
        return self._model(events)

    def learns(self, labels: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Returns bool ``[N]``: whether an image with this label and the LEARN flag may change weights.

        It may if the core was built with learning and the network has a class of this number.
        """
        return (labels < self.network().classes) & self.config.learns

    def learn(self, events: EventSet, *, times: bool) -> tuple[Batch, NDArray[np.bool_]]:
        """Learns from labelled images. Returns their answers, and bool ``[N]``: whether an image triggered.

        times: whether the answers need spike times. Raises FirstspikeError if no network is loaded.
        """
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
        """Writes learnt weights into the memories."""
        if self._learning is not None:
            self._network, self._learning = self._learning.network, None
            self._model = _model(self._network)
            weights_into(self.memories, self._network, self.config)

    def _reach(self, count: int, words: NDArray[np.uint32] | None) -> NDArray[np.uint32]:
        """Returns the next `count` beats seen through MEM_DATA; if `words` are given, writes them and returns them.

        Beyond the end of a memory, beats read as 0 and writes have no effect.
        """
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
    """Compiles the fast model in advance, once for narrow accumulators and once for wide ones.

    Without this, the model would be compiled at its first use, and the board would seem dead to a waiting host.

    learns: also compiles the functions for learning.
    """
    one = np.ones(16, np.int64)
    for threshold in (1, 2**40):  # the first needs accumulators of 32 bits, the second of 64
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
    """Returns the fast model if numba is installed, else the plain one. Both give the same answers."""
    try:
        import numba as _  # noqa: F401
    except ModuleNotFoundError:
        return lambda events: evaluate_set(network, events)
    from firstspike_sim import FastModel

    return FastModel(network).run
