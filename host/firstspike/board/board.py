"""A board: load a network into it, stream images through it, ask how it is. The same over every line."""

from collections.abc import Callable, Generator, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

import numpy as np

from firstspike.link import BoardError, Line
from firstspike_contract import CoreConfig, EventSet, LearnSettings, LoadPlan, Network, check_event_arrays
from firstspike_contract.common.progress import Progress, unheard
from firstspike_contract.core.register_map import LINK, link_offset, offset_of
from firstspike_contract.core.stream_format import RESULT_PACKET, Header, trace_times, unpack_result, unpack_trace
from firstspike_contract.link.wire import Configuration

from . import lessons, loading
from .lessons import LearningLost
from .registers import Registers
from .results import Answers, Result, result_of
from .session import Session, SessionLost
from .status import status_of
from .traffic import ATTEMPTS, Answered, Traffic

if TYPE_CHECKING:
    from firstspike_compiler.deployment import Deployment

__all__ = ["TIMEOUT", "Board"]

TIMEOUT: Final = 5.0  # seconds without a result before a stream is given up

_T = TypeVar("_T")


class Board:
    """Made by `firstspike.open(url)`. Use it in `with`, or close it. Not safe from two threads at once.

    config: what its core was built as. network: what this program has loaded, or None.
    upload_seconds: of the last load, until the board had acknowledged it all, on the line's clock.
    Every method raises BoardError if the board cannot be reached or does not do its part; lost and damaged frames, a
    cable plugged in again within seconds, and a board that was reset in the middle are got over without a word.
    """

    def __init__(self, line: Line, *, timeout: float = TIMEOUT) -> None:
        self._line, self._timeout = line, timeout
        self._session = Session(line)
        self._registers = Registers(self._session)
        self._plan: LoadPlan | None = None
        self._unread = False  # the board has learnt, and its weights were not read back
        self._name = 0
        self._traffic = Traffic(self._session, self._renew)
        self.upload_seconds: float | None = None
        self.network: Network | None = None
        self._session.open()
        self.config: CoreConfig = self._persist(lambda: loading.read_config(self._registers))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Gives the line back; the board keeps what it holds."""
        self._line.close()

    @property
    def name(self) -> str:
        """Of the line, as in messages."""
        return self._line.name

    @property
    def clock(self) -> int:
        """Of the board, hertz."""
        return self._session.welcome["clock"]

    @property
    def sent_bytes(self) -> int:
        """Bytes put on the line in this session, frames and all."""
        return self._session.counters.bytes_sent

    @property
    def words_to_load(self) -> int:
        """Words of memory that the network given to `load` takes."""
        return 0 if self._plan is None else sum(len(block.beats) for block in self._plan.memories)

    def load(
        self,
        what: "Deployment | Network",
        *,
        name: int | None = None,
        if_needed: bool = False,
        progress: Progress = unheard,
    ) -> bool:
        """A network into the board's memories, checked on arrival. Returns whether anything was sent.

        name: any 64-bit number that stands for it; by default that of a deployment's image, and 0 for a bare network.
        if_needed: leave it at that if the board says that it holds what has this name, which must not be 0.
        progress(done, total): in words of memory. Raises FirstspikeError if the network does not fit the board's core.
        """
        self.assume(what, name=name)
        if if_needed and self._name and self._persist(lambda: loading.loaded_name(self._registers)) == self._name:
            return False
        self._persist(lambda: self._load(progress))
        return True

    def assume(self, what: "Deployment | Network", *, name: int | None = None) -> None:
        """As `load`, but takes for granted that the board holds it; `verify` says whether it does."""
        if isinstance(what, Network):
            network, own_name = what, 0
        else:
            network, own_name = what.network, loading.name_of(what)
        self._plan, self.network = loading.plan_for(network, self.config), network
        self._name = own_name if name is None else name
        self._unread = False

    def stream(
        self, events: EventSet, *, spikes: bool = False, run_on: bool = False, timeout: float | None = None
    ) -> Generator[Result, None, None]:
        """Images through the board: results in their order, while later images are on their way.

        spikes: each result brings all spike times up to the decision. run_on: the core walks to T-1 after it.
        timeout: seconds without a result before BoardError. Stop iterating whenever you like: nothing is taken in
        meanwhile, and a stream left for good gives its images up.
        """
        labels = events.labels
        sizes = self._loaded().sizes[1:]
        for first, chunk in self._chunks(events, spikes=spikes, run_on=run_on, timeout=timeout):
            for image, (packet, trace) in enumerate(chunk, first):
                fields = np.frombuffer(packet, RESULT_PACKET)[0].tolist()
                times = trace_times(unpack_trace(np.frombuffer(trace, "<u4")), sizes, fields[2]) if spikes else None
                yield result_of(fields, image, None if labels is None else int(labels[image]), times)

    def run(
        self,
        events: EventSet,
        *,
        spikes: bool = False,
        run_on: bool = False,
        timeout: float | None = None,
        progress: Progress = unheard,
        note: Callable[[int, int, int], None] | None = None,
    ) -> Answers:
        """The same all at once, as arrays. progress(done, total): in images; note(done, total, right) likewise."""
        from firstspike_sim.rtl.spikes import batch_of

        network, start = self._loaded(), self._line.now()
        packets, traces, right = bytearray(), bytearray(), 0
        for first, chunk in self._chunks(events, spikes=spikes, run_on=run_on, timeout=timeout):
            for packet, trace in chunk:
                packets += packet
                traces += trace
            done = first + len(chunk)
            if note is not None:
                if events.labels is not None:
                    new = np.frombuffer(bytes(packets[-len(chunk) * RESULT_PACKET.itemsize :]), RESULT_PACKET)
                    right += int((new["class"] == events.labels[first:done]).sum())
                note(done, len(events), right)
            progress(done, len(events))
        seconds = self._line.now() - start
        array, results = unpack_result(np.frombuffer(bytes(packets), "<u4"))
        batch = batch_of(network, events, results, np.frombuffer(bytes(traces), "<u4")) if spikes else None
        return Answers(packets=array, batch=batch, seconds=seconds)

    def learn(
        self,
        events: EventSet,
        settings: LearnSettings,
        count: int,
        *,
        timeout: float | None = None,
        progress: Progress = unheard,
    ) -> Answers:
        """Images that change the board's weights, one after the other (docs/learning.md). Each is sent once.

        count: learning images behind the network. The answers' packets have ResultFlag.TRIGGERED where weights moved.
        Afterwards `learnt` fetches the weights; until then this program cannot load them again after a reset.
        Raises FirstspikeError: labels or settings out of range, a core that does not learn. LearningLost.
        """
        network, start = self._loaded(), self._line.now()
        check_event_arrays(events)
        try:
            self._name, self._unread = 0, True
            array = lessons.learn(
                (self._registers, self._traffic),
                (network, self.config, events),
                (settings, count),
                timeout or self._timeout,
                progress,
            )
        except SessionLost as error:
            self._begin_again()
            raise LearningLost(f"the board at {self.name} lost the session while it learnt") from error
        return Answers(packets=array, batch=None, seconds=self._line.now() - start)

    def learnt(self) -> Network:
        """The network with the weights that the board holds now; it is what this program has loaded from here on.

        Raises LearningLost if the board is lost meanwhile.
        """
        network, plan = self._loaded(), self._plan
        assert plan is not None
        try:
            found = lessons.learnt(self._registers, self.config, plan, network)
            self.assume(found, name=loading.name_of_plan(loading.plan_for(found, self.config)))
            loading.rename(self._registers, self._name)
        except SessionLost as error:
            self._begin_again()
            raise LearningLost(f"the board at {self.name} lost the session before its weights were read") from error
        return found

    def verify(self, progress: Progress = unheard) -> None:
        """Reads every memory back, on the board, and compares its CRC-32 with that of what was loaded.

        Raises BoardError naming the memories that differ, and where.
        """
        self._loaded()
        plan = self._plan
        assert plan is not None
        damaged = self._persist(lambda: loading.find_damage(self._registers, self.config, plan, progress))
        if damaged:
            raise BoardError(
                "\n".join(["what the board holds is not what was loaded; load it again", *map(str, damaged)])
            )

    def unload(self) -> Network:
        """The network that the board holds now, out of its memories: with learnt weights, if it has learnt."""
        return self._persist(lambda: loading.unload(self._registers, self.config))

    def read(self, name: str, stage: int | None = None) -> int:
        """A register of the core (docs/core.md), or of a stage, or of the link (docs/protocol.md). Raises KeyError."""
        address = _address(name, stage)
        return self._persist(lambda: self._registers.read([address]))[0]

    def write(self, name: str, value: int, stage: int | None = None) -> None:
        """Writes one. After a write to a part of the network the board refuses images until it is loaded again."""
        address = _address(name, stage)
        self._persist(lambda: self._registers.write(address, value))

    def status(self) -> dict[str, Any]:
        """How the board and the line are: state, versions, counters of both ends, by name."""
        return self._persist(lambda: status_of(self._registers, self._session))

    def _loaded(self) -> Network:
        if self.network is None:
            raise BoardError("no network was loaded by this program; call board.load(deployment) first")
        return self.network

    def _load(self, progress: Progress) -> None:
        assert self._plan is not None
        self._line.bulk(True)
        try:
            self.upload_seconds = loading.load(self._registers, self._plan, self._name, progress)
        finally:
            self._line.bulk(False)

    def _persist(self, task: Callable[[], _T]) -> _T:
        """Does it, from the start again if the session is lost in the middle."""
        for _ in range(ATTEMPTS):
            try:
                return task()
            except SessionLost:
                self._begin_again()
        raise BoardError(
            f"the board at {self.name} lost the session {ATTEMPTS} times in a row; is its power supply good?"
        )

    def _begin_again(self) -> None:
        """A new session; what was in flight is lost."""
        self._session.open()
        self._traffic.forget()

    def _chunks(
        self, events: EventSet, *, spikes: bool, run_on: bool, timeout: float | None
    ) -> Iterator[tuple[int, list[Answered]]]:
        check_event_arrays(events)
        flags = (Header.SPIKES if spikes else 0) | (Header.RUN_ON if run_on else 0)
        addresses = self._loaded().addresses
        return self._traffic.chunks(events, addresses, flags=int(flags), timeout=timeout or self._timeout)

    def _renew(self) -> None:
        """A new session in the middle of a stream; after a reset the board is empty, and is loaded again."""
        self._begin_again()
        if self._unread:
            raise LearningLost(f"the board at {self.name} was reset; what it had learnt was not read back")
        welcome = self._session.welcome
        if (welcome["configuration"], welcome["name"]) != (Configuration.VALID, self._name):
            self._load(unheard)


def _address(name: str, stage: int | None) -> int:
    in_link = stage is None and any(register.name == name for register in LINK)
    return link_offset(name) if in_link else offset_of(name, stage)
