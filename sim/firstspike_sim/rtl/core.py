"""A simulated core: a network is loaded through its registers, images and answers travel on its streams.

Tested by tests/sim/rtl/test_harness.py.
"""

from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from firstspike_contract import (
    Batch,
    CoreConfig,
    EventSet,
    FirstspikeError,
    LearnSettings,
    Network,
    check_event_arrays,
)
from firstspike_contract.common.progress import Progress, unheard
from firstspike_contract.core import driver
from firstspike_contract.core.access import perform
from firstspike_contract.core.loading import LoadPlan, load_plan
from firstspike_contract.core.register_map import write_of
from firstspike_contract.core.stream_format import (
    RESULT_BEATS,
    TAGS,
    Header,
    ResultFlag,
    pack_bitmap,
    pack_image,
    unpack_result,
)
from firstspike_contract.core.trace import batch_of

from .build import build
from .emitted import emitted
from .library import Simulation
from .registers import SimulatedRegisters

__all__ = ["PATIENCE", "RtlBatch", "RtlCore", "emitted"]

PATIENCE: Final = 400_000  # cycles without any transfer after which a run fails; the longest image takes fewer
_CHUNK: Final = 100  # images between two reports of progress
_AFTER: Final = 64  # cycles after the last answer in which the core may send nothing


@dataclass(frozen=True, kw_only=True, eq=False)
class RtlBatch:
    """The answers of the gateware to N images.

    batch:        answers in the form of the models. Input times and looked-up weight rows are computed from the events
                  that were sent and the spikes that were recorded.
    packets:      RESULT_PACKET ``[N]`` as the core sent them.
    total_cycles: clock cycles from the first beat sent to the last beat taken.
    """

    batch: Batch
    packets: NDArray[np.void]
    total_cycles: int

    @property
    def cycles(self) -> NDArray[np.int64]:
        """Cycles that each image kept the core busy, ``[N]``."""
        return self.packets["cycles"].astype(np.int64)

    @property
    def latency(self) -> NDArray[np.int64]:
        """Cycles from TLAST to the result of each image, ``[N]``."""
        return self.packets["latency"].astype(np.int64)

    @property
    def rows_read(self) -> NDArray[np.int64]:
        """Weight rows that each image made the core read, ``[N]``."""
        return self.packets["rows_read"].astype(np.int64)

    @property
    def triggered(self) -> NDArray[np.bool_]:
        """Learning images that changed weights, ``[N]``."""
        return (self.packets["flags"] & ResultFlag.TRIGGERED) != 0

    @property
    def late(self) -> NDArray[np.bool_]:
        """Images that were marked as time-ordered and were not, ``[N]``; their answers need not equal a model's."""
        return (self.packets["flags"] & ResultFlag.LATE) != 0


class RtlCore:
    """A simulated core: load a network, then run images. Close it, or use `with`.

    config:    configuration of the core.
    verilog:   Verilog text of the core; by default the gateware emits it for `config`.
    waves:     file for a VCD trace of the images, without loading; or None.
    progress:  called while the simulation is built.
    network:   the network that is loaded, or None.
    sim:       the simulation.
    registers: the registers of the core.

    Raises UsageError if Verilator or a compiler is missing, FirstspikeError if the core is no event core of this
    version.
    """

    def __init__(
        self,
        config: CoreConfig,
        *,
        verilog: str | None = None,
        waves: Path | None = None,
        progress: Progress = unheard,
    ) -> None:
        self.config = config
        self.network: Network | None = None
        self._plan: LoadPlan | None = None
        text = emitted(config) if verilog is None else verilog
        self.sim = Simulation(build(text, waves=waves is not None, progress=progress), waves)
        self.registers = SimulatedRegisters(self.sim)
        perform(driver.identify(), self.registers)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the simulation."""
        self.sim.close()

    def load(self, network: Network, *, verify: bool = True, plan: LoadPlan | None = None) -> LoadPlan:
        """Writes registers and memories for a network, and returns the plan; then the core accepts images.

        verify: every memory is read back and compared, beat by beat and by its CRC-32.
        plan:   plan to write instead of `load_plan(network, config)`.

        Raises FirstspikeError if the network does not fit or a memory does not hold what was written.
        """
        plan = load_plan(network, self.config) if plan is None else plan
        self.sim.dump(False)
        perform(driver.load(plan), self.registers)
        if verify:
            perform(driver.read_back(plan), self.registers)
        self.sim.dump(True)
        self.network, self._plan = network, plan
        return plan

    def set_learning(self, settings: LearnSettings, count: int | None = None) -> None:
        """Writes the registers of learning for the network that is loaded.

        count: number of learning images so far; None leaves the core's count as it is.

        Raises FirstspikeError for settings out of range or a core that cannot learn.
        """
        perform(driver.set_learning(self._loaded(), self.config, settings, count), self.registers)

    def learnt(self) -> Network:
        """Waits until the core is idle, and returns the network with the weights that the core holds then."""
        network, plan = self._loaded(), self._plan
        assert plan is not None
        return perform(driver.learnt(network, self.config, plan), self.registers)

    def run(
        self,
        events: EventSet,
        progress: Progress = unheard,
        *,
        learning: NDArray[np.bool_] | None = None,
        ordered: bool | None = None,
        bitmap: bool = False,
        run_on: bool = False,
        alone: bool = False,
        patience: int = PATIENCE,
    ) -> RtlBatch:
        """Runs all images back to back, with a trace of every spike.

        learning: bool ``[N]``, images that may change weights; none by default.
        ordered:  whether images are marked as time-ordered; by default, those that are in order are marked.
        bitmap:   each image is sent as one bit per address; its events must be at step 0, each address once.
        run_on:   images run on to T-1 after the decision.
        alone:    each image is sent only after the answer to the one before, so that its latency is its own.
        patience: cycles without a transfer on any stream after which the run fails.

        Raises FirstspikeError if the core stops, breaks a rule of its streams or gives an impossible answer.
        """
        network = self._loaded()
        check_event_arrays(events)
        beats, last = stream_of(
            events, network.addresses, ordered=ordered, bitmap=bitmap, run_on=run_on, learning=learning
        )
        n = len(events)
        edges = np.concatenate([[0], np.flatnonzero(last) + 1])
        self.sim.forget()
        start = self.sim.cycles
        answers, traces = [], []
        if not alone:
            self.sim.feed(beats, last)
        for done in range(1, n + 1) if alone else (*range(_CHUNK, n, _CHUNK), n):
            if alone:
                mine = slice(edges[done - 1], edges[done])
                self.sim.feed(beats[mine], last[mine])
            self.sim.run(results=done, traces=done, patience=patience)
            answers.append(self.sim.results())
            traces.append(self.sim.trace())
            progress(done, n)
        total = self.sim.cycles - start
        self.sim.step(_AFTER)
        if len(self.sim.results()) or len(self.sim.trace()):
            raise FirstspikeError(f"the core sends more than the answers to {n} images")
        packets, results = unpack_result(np.concatenate(answers)[: n * RESULT_BEATS])
        _check_echo(packets, events)
        batch = batch_of(network, events, results, np.concatenate(traces))
        return RtlBatch(batch=batch, packets=packets, total_cycles=total)

    def interrupt(self, events: EventSet, cycles: int) -> None:
        """Begins to run images; after `cycles` cycles, CONTROL.reset drops everything in flight."""
        beats, last = stream_of(events, self._loaded().addresses, ordered=None, bitmap=False, run_on=False)
        self.sim.forget()
        self.sim.feed(beats, last)
        self.sim.step(cycles)
        self.sim.write(*write_of("CONTROL", run=1, reset=1))
        self.sim.forget()

    def _loaded(self) -> Network:
        if self.network is None:
            raise FirstspikeError("no network is loaded; call load(network) first")
        return self.network


def stream_of(
    events: EventSet,
    addresses: int,
    *,
    ordered: bool | None,
    bitmap: bool,
    run_on: bool,
    learning: NDArray[np.bool_] | None = None,
) -> tuple[NDArray[np.uint32], NDArray[np.bool_]]:
    """Returns the beats of all images, uint32 ``[n]``, and their TLAST, bool ``[n]``.

    The arguments are those of `RtlCore.run`. The tag of an image is its number modulo TAGS.
    """
    common = Header.SPIKES | (Header.RUN_ON if run_on else 0)
    images = []
    for i in range(len(events)):
        image = events.image(i)
        label = 0 if events.labels is None else int(events.labels[i])
        mark = bool((np.diff(image["t"].astype(np.int64)) >= 0).all()) if ordered is None else ordered
        flags = common | (Header.ORDERED if mark else 0)
        if learning is not None and learning[i]:
            flags |= Header.LEARN
        if bitmap:
            if image["t"].any() or len(np.unique(image["x"])) != len(image) or (image["x"] >= addresses).any():
                raise FirstspikeError(f"image {i} is no bitmap: its events must be at step 0, each address once")
            bright = np.zeros(addresses, bool)
            bright[image["x"]] = True
            images.append(pack_bitmap(bright, flags=flags, tag=i % TAGS, label=label))
        else:
            images.append(pack_image(image, flags=flags, tag=i % TAGS, label=label))
    if not images:
        return np.zeros(0, np.uint32), np.zeros(0, bool)
    last = np.zeros(sum(map(len, images)), bool)
    last[np.cumsum([len(image) for image in images]) - 1] = True
    return np.concatenate(images), last


def _check_echo(packets: NDArray[np.void], events: EventSet) -> None:
    """Raises FirstspikeError unless every result has the tag and the label that were sent."""
    labels = np.zeros(len(packets), np.int64) if events.labels is None else events.labels
    wrong = np.flatnonzero((packets["tag"] != np.arange(len(packets)) % TAGS) | (packets["label"] != labels))
    if wrong.size:
        i = wrong[0]
        raise FirstspikeError(
            f"result {i} returns tag {packets['tag'][i]} and label {packets['label'][i]}, "
            f"image {i} was sent with {i % TAGS} and {labels[i]}"
        )
