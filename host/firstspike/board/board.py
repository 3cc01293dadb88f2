"""A board over any transport: load a network into it, stream images through it, read its state."""

from collections.abc import Callable, Generator, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

import numpy as np

from firstspike.link import BoardError
from firstspike.link.transport import ATTEMPTS, Answered, Transport, TransportLost
from firstspike_contract import (
    CoreConfig,
    EventSet,
    FirstspikeError,
    LearnSettings,
    LoadPlan,
    Network,
    check_event_arrays,
    check_labels,
)
from firstspike_contract.common.progress import Progress, unheard
from firstspike_contract.core import driver
from firstspike_contract.core.access import Task, perform
from firstspike_contract.core.register_map import LINK, link_offset, offset_of
from firstspike_contract.core.stream_format import RESULT_PACKET, Header, unpack_result
from firstspike_contract.core.trace import batch_of, trace_times, unpack_trace
from firstspike_contract.link import guarded
from firstspike_contract.link.wire import Configuration

from .fitting import name_of, plan_for
from .results import Answers, Result, result_of
from .status import status_of

if TYPE_CHECKING:
    from firstspike_compiler.deployment import Deployment

__all__ = ["TIMEOUT", "Board", "LearningLost"]

TIMEOUT: Final = 5.0  # seconds without a result after which a stream raises BoardError

_COUNTS: Final = 2**32  # LEARN_COUNT counts modulo this number

_T = TypeVar("_T")


class LearningLost(BoardError):
    """The board was lost during learning images. How many of them it has learnt is unknown: load a network again."""


class Board:
    """An open board. `firstspike.open(url)` makes one; use it in `with`, or close it. Two threads must not share it.

    Every method raises BoardError if the board cannot be reached or does not do its part. Lost and damaged frames, a
    cable that is plugged in again within seconds, and a reset of the board are recovered from silently.

    config:         the configuration with which the board's core was built.
    network:        the network that this program has loaded, or None.
    upload_seconds: time until the board had acknowledged all of the last load, on the line's clock, or None.
    """

    def __init__(self, transport: Transport, *, timeout: float = TIMEOUT) -> None:
        """transport: already open. timeout: seconds without a result after which a stream raises BoardError."""
        self._transport, self._timeout = transport, timeout
        self._plan: LoadPlan | None = None
        self._unread = False  # whether the board has learnt weights that were not read back
        self._name = 0
        self.upload_seconds: float | None = None
        self.network: Network | None = None
        self.config: CoreConfig = self._persist(driver.configuration_of)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connection. The board keeps its network."""
        self._transport.close()

    @property
    def name(self) -> str:
        """The name that the user gave the board; messages use it."""
        return self._transport.name

    @property
    def clock(self) -> int:
        """The board's clock frequency, hertz."""
        return self._transport.identity.clock

    @property
    def sent_bytes(self) -> int:
        """Bytes sent since the session was last opened, those of the protocol included."""
        return self._transport.sent_bytes

    @property
    def words_to_load(self) -> int:
        """Number of memory words that the network given to `load` takes; 0 before the first."""
        return 0 if self._plan is None else sum(len(block.beats) for block in self._plan.memories)

    def load(
        self,
        what: "Deployment | Network",
        *,
        name: int | None = None,
        if_needed: bool = False,
        progress: Progress = unheard,
    ) -> bool:
        """Writes a network into the board's memories, and has the board check it. Returns whether it was sent.

        name:      any 64-bit number that identifies the network. The default is that of the deployment's image.bin,
                   and 0 for a network without a deployment.
        if_needed: sends nothing if the board already holds a network of this name; 0 never counts as equal.
        progress:  called as progress(done, total), in words of memory.

        Raises FirstspikeError if the network does not fit the board's core.
        """
        self.assume(what, name=name)
        if if_needed and self._name and self._persist(guarded.loaded_name) == self._name:
            return False
        self._again(lambda: self._load(progress))
        return True

    def assume(self, what: "Deployment | Network", *, name: int | None = None) -> None:
        """Behaves as if `load` had loaded the network, but sends nothing. `verify` tells whether the board holds it."""
        if isinstance(what, Network):
            network, own_name = what, 0
        else:
            network, own_name = what.network, name_of(what)
        self._plan, self.network = plan_for(network, self.config), network
        self._name = own_name if name is None else name
        self._unread = False

    def stream(
        self, events: EventSet, *, spikes: bool = False, run_on: bool = False, timeout: float | None = None
    ) -> Generator[Result, None, None]:
        """Sends images to the board and yields their results in the same order, while later images are on their way.

        The caller may pause at any time: nothing is received meanwhile. Closing the generator abandons the images
        that have no result yet.

        spikes:  each result includes all spike times up to the decision.
        run_on:  the core walks on to T-1 after the decision.
        timeout: seconds without a result before BoardError.
        """
        labels = events.labels
        sizes = self._loaded().sizes[1:]
        for first, chunk in self._chunks(events, spikes=spikes, run_on=run_on, timeout=timeout):
            for image, (packet, trace) in enumerate(chunk, first):
                fields = RESULT_PACKET.from_bytes(packet)
                beats = unpack_trace(np.frombuffer(trace, "<u4"))
                times = trace_times(beats, sizes, fields["step"]) if spikes else None
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
        """Streams a whole set of images and returns its answers as arrays.

        spikes, run_on, timeout: see `stream`.
        progress: called as progress(done, total), in images.
        note:     called as note(done, total, right) together with `progress`; `right` is the number of answers so far
                  that equal their label.
        """
        network, start = self._loaded(), self._transport.now()
        packets, traces, right = bytearray(), bytearray(), 0
        for first, chunk in self._chunks(events, spikes=spikes, run_on=run_on, timeout=timeout):
            for packet, trace in chunk:
                packets += packet
                traces += trace
            done = first + len(chunk)
            if note is not None:
                if events.labels is not None:
                    new = np.frombuffer(bytes(packets[-len(chunk) * RESULT_PACKET.size :]), RESULT_PACKET.dtype)
                    right += int((new["class"] == events.labels[first:done]).sum())
                note(done, len(events), right)
            progress(done, len(events))
        seconds = self._transport.now() - start
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
        """Sends learning images, each once; they change the board's weights one after the other (docs/learning.md).

        An answer's packet has ResultFlag.TRIGGERED if its image triggered. Afterwards `learnt` fetches the weights;
        until then a reset of the board loses them. count: number of learning images before these.

        Raises FirstspikeError if a label or a setting is out of range or if the core does not learn, and LearningLost
        if the board is lost before all images were learnt.
        """
        network, start = self._loaded(), self._transport.now()
        check_event_arrays(events)
        if events.labels is None:
            raise FirstspikeError("learning needs a label for every image; this set has none")
        check_labels(events, network)
        packets = bytearray()
        try:
            self._do(driver.set_learning(network, self.config, settings, count))
            self._name, self._unread = 0, True
            self._do(guarded.rename(0))  # the board no longer holds the network of that name
            for first, chunk in self._transport.images.chunks(
                events,
                network.addresses,
                flags=int(Header.LEARN),
                timeout=timeout or self._timeout,
                renew=self._renew,
                labels=events.labels,
                once=True,
            ):
                packets += b"".join(answered.packet for answered in chunk)
                progress(first + len(chunk), len(events))
            (counted,) = self._transport.registers.read([offset_of("LEARN_COUNT")])
        except TransportLost as error:
            self._transport.reopen()
            raise LearningLost(f"the board at {self.name} lost the session while it learnt") from error
        if counted != (expected := (count + len(events)) % _COUNTS):
            raise LearningLost(f"the board has counted {counted} learning images, not {expected}")
        array, _ = unpack_result(np.frombuffer(bytes(packets), "<u4"))
        return Answers(packets=array, batch=None, seconds=self._transport.now() - start)

    def learnt(self) -> Network:
        """Returns the network with the weights that the board holds now. From here on it is the loaded network.

        Raises LearningLost if the board is lost before all weights were read.
        """
        network, plan = self._loaded(), self._plan
        assert plan is not None
        try:
            found = self._do(driver.learnt(network, self.config, plan))
            self.assume(found, name=guarded.name_of_plan(plan_for(found, self.config)))
            self._do(guarded.rename(self._name))
        except TransportLost as error:
            self._transport.reopen()
            raise LearningLost(f"the board at {self.name} lost the session before its weights were read") from error
        return found

    def verify(self, progress: Progress = unheard) -> None:
        """Has the board read every memory, and compares its CRC-32 with that of the words that were loaded.

        Raises BoardError that names the memories that differ, and where.
        """
        self._loaded()
        plan = self._plan
        assert plan is not None
        damaged = self._persist(lambda: driver.find_damage(self.config, plan, progress))
        if damaged:
            raise BoardError(
                "\n".join(["the board's memories differ from what was loaded; load it again", *map(str, damaged)])
            )

    def unload(self) -> Network:
        """Returns the network that the board's memories hold now, with the learnt weights if the board has learnt."""
        return self._persist(lambda: driver.unload(self.config))

    def read(self, name: str, stage: int | None = None) -> int:
        """Reads a register of the core or of one stage (docs/core.md), or of the link (docs/protocol.md).

        Raises KeyError if there is no such register.
        """
        address = _address(name, stage)
        return self._again(lambda: self._transport.registers.read([address]))[0]

    def write(self, name: str, value: int, stage: int | None = None) -> None:
        """Writes a register; see `read`. If it is part of the network, the board refuses images until the next load."""
        address = _address(name, stage)
        self._again(lambda: self._transport.registers.write(address, np.array([value], np.uint32)))

    def status(self) -> dict[str, Any]:
        """Returns the state, the versions and the counters of the board and of this end of the line, by name."""
        return self._again(lambda: status_of(self._transport))

    def _loaded(self) -> Network:
        if self.network is None:
            raise BoardError("no network was loaded by this program; call board.load(deployment) first")
        return self.network

    def _load(self, progress: Progress) -> None:
        """Loads the plan. Raises BoardError if the board finds that it has received something else."""
        assert self._plan is not None
        self._transport.bulk(True)
        try:
            loaded = self._do(guarded.load(self._plan, self._name, progress))
        finally:
            self._transport.bulk(False)
        if loaded.state != Configuration.VALID:
            raise BoardError(f"the board does not accept what was loaded: {guarded.explained(loaded.state)}")
        self.upload_seconds = loaded.seconds

    def _do(self, task: Task[_T]) -> _T:
        return perform(task, self._transport.registers)

    def _persist(self, task: Callable[[], Task[_T]]) -> _T:
        """Performs a task; begins it again if the board is lost before its end."""
        return self._again(lambda: self._do(task()))

    def _again(self, work: Callable[[], _T]) -> _T:
        """Does the work; begins it again if the board is lost before its end."""
        for _ in range(ATTEMPTS):
            try:
                return work()
            except TransportLost:
                self._transport.reopen()
        raise BoardError(
            f"the board at {self.name} lost the session {ATTEMPTS} times in a row; is its power supply good?"
        )

    def _chunks(
        self, events: EventSet, *, spikes: bool, run_on: bool, timeout: float | None
    ) -> Iterator[tuple[int, list[Answered]]]:
        check_event_arrays(events)
        flags = (Header.SPIKES if spikes else 0) | (Header.RUN_ON if run_on else 0)
        addresses = self._loaded().addresses
        return self._transport.images.chunks(
            events, addresses, flags=int(flags), timeout=timeout or self._timeout, renew=self._renew
        )

    def _renew(self) -> None:
        """Opens a new session during a stream, and loads the network again if the board no longer holds it."""
        self._transport.reopen()
        if self._unread:
            raise LearningLost(f"the board at {self.name} was lost before its learnt weights were read back")
        found = self._transport.identity
        if (found.configuration, found.name) != (Configuration.VALID, self._name):
            self._load(unheard)


def _address(name: str, stage: int | None) -> int:
    return link_offset(name) if stage is None and name in LINK else offset_of(name, stage)
