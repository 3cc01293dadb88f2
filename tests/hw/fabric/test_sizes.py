# amaranth: UnusedElaboratable=no
"""Constructors refuse sizes that their unit could not work with; the largest and smallest that they take do work."""

from dataclasses import replace

import pytest
from amaranth.back import rtlil

from firstspike_contract import CONFIGS, CoreConfig, FirstspikeError, StageConfig
from firstspike_hw.core.boot import Boot
from firstspike_hw.fabric.memory_port import MemoryPort
from firstspike_hw.fabric.neuron_state import NeuronState
from firstspike_hw.fabric.weights import WeightGroup, WeightMemory
from firstspike_hw.fabric.window import Window, WindowGroup
from firstspike_hw.learning.output_record import OutputRecord
from firstspike_hw.learning.plastic_lanes import PlasticLanes
from firstspike_hw.learning.replay import Replay
from firstspike_hw.learning.row_bits import RowBits
from firstspike_hw.learning.votes import Votes
from firstspike_hw.link.buffers import ReceiveRing, TransmitRing
from firstspike_hw.link.cobs import Encoder
from firstspike_hw.link.counters import Counters
from firstspike_hw.link.link_registers import FIXED, LinkRegisters
from firstspike_hw.link.sending import Sending
from firstspike_hw.link.uart import Receiver, Transmitter
from firstspike_hw.spikes.decision import Decision
from firstspike_hw.spikes.filing import Filing
from firstspike_hw.spikes.input_map import InputMap
from firstspike_hw.spikes.intake import Intake
from firstspike_hw.spikes.queue import CalendarQueue
from firstspike_hw.spikes.serialiser import Serialiser, message_layout
from firstspike_hw.spikes.trace import Trace
from firstspike_hw.stage.lanes import lanes_for
from firstspike_hw.stage.sequencer import Sequencer
from firstspike_hw.stage.step_tables import StepTables

LANES = lanes_for(("linear",))
MESSAGE = message_layout(lanes=2, rows=2, steps=16, value_bits=0)

# Units, each with sizes that it works with.
UNITS = [
    (Boot, {"words": 6}),
    (CalendarQueue, {"entries": 4, "steps": 16}),
    (Decision, {"lanes": 2, "rows": 2, "steps": 16, "value_bits": 8}),
    (InputMap, {"addresses": 4, "entries": 4, "steps": 16}),
    (Intake, {"addresses": 4, "entries": 4, "steps": 16}),
    (LANES, {"lanes": 2, "rows": 2, "a_bits": 9, "v_bits": 9}),
    (MemoryPort, {"width": 8, "address_bits": 4}),
    (OutputRecord, {"neurons": 4, "steps": 16}),
    (PlasticLanes, {"lanes": 2, "rows": 2}),
    (RowBits, {"inputs": 4, "layers": 2}),
    (Sequencer, {"depth": 8, "inputs": 4, "constants": 2, "rows": 2, "steps": 16}),
    (Serialiser, {"lanes": 2, "rows": 2, "steps": 16, "value_bits": 4}),
    (Trace, {"sources": 2, "steps": 16}),
    (Votes, {"lanes": 2, "rows": 2}),
    (WeightGroup, {"width": 32, "depth": 16}),
    (WeightMemory, {"width": 32, "depth": 16}),
    (Window, {"width": 64, "beat_bits": 1}),
]
MAY_BE_0 = ("constants", "value_bits")  # but not for Decision, which compares values


@pytest.mark.parametrize(("unit", "sizes"), UNITS, ids=lambda value: getattr(value, "__name__", None))
def test_a_size_out_of_range_is_refused_by_name(unit, sizes) -> None:
    unit(**sizes)
    for name in sizes:
        zero = [] if name in MAY_BE_0 and unit is not Decision else [0]
        for wrong in (-1, 2**20, 2.5, "3", *zero):
            with pytest.raises(
                ValueError, match=rf"^{unit.__name__}: (\w+) is a whole number in \d+\.\.65536, not {wrong}$"
            ):
                unit(**{**sizes, name: wrong})


@pytest.mark.parametrize(
    "make",
    [
        lambda: NeuronState(8, rows=0, ring=True),
        lambda: Filing(message=MESSAGE, neurons=0, steps=16),
        lambda: Filing(message=MESSAGE, neurons=4, steps=1),
        lambda: StepTables(lanes=LANES, v_bits=0, steps=16),
        lambda: Replay(depth=4, inputs=4, constants=0, rows=2, steps=16, neurons=4, filed=-1, events_first=False),
        lambda: RowBits(inputs=4, layers=17),
        lambda: Window(width=200, beat_bits=2),
        lambda: WindowGroup(first=0, count=5, beat_bits=3),
        lambda: WindowGroup(first=2, count=2, beat_bits=3),
        lambda: Encoder(depth=300),
        lambda: Encoder(depth=256),
        lambda: ReceiveRing(size=1000),
        lambda: TransmitRing(size=2),
        lambda: Sending(patience=0),
        lambda: Sending(patience=10, size=1000),
        lambda: Sending(patience=10, largest=100),
        lambda: Sending(patience=10, size=64, largest=128),
        lambda: Sending(patience=10, size=2**16, largest=128),
        lambda: Counters([]),
        lambda: Counters([1, 2, 1]),
        lambda: LinkRegisters(dict.fromkeys(FIXED, 2**32)),
        lambda: LinkRegisters({"CLOCK": 1}),
    ],
)
def test_sizes_that_a_unit_cannot_work_with_are_refused(make) -> None:
    with pytest.raises(ValueError, match=r"not|too many"):
        make()


@pytest.mark.parametrize("unit", [Receiver, Transmitter])
def test_a_line_too_fast_to_be_sampled_is_refused(unit) -> None:
    with pytest.raises(FirstspikeError, match="a UART takes 4 clock cycles a bit or more, not 3"):
        unit(divisor=3)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"lanes": 0}, r"lanes of a stage must be in 1\.\.65536, not 0"),
        ({"depth": 2**17}, r"depth of a stage must be in 1\.\.65536, not 131072"),
        ({"lanes": 60000, "max_rows": 2}, r"lanes x max_rows of a stage must be in 1\.\.65536, not 120000"),
        ({"inputs": 4, "constants": 5}, r"constants of a stage must be in 0\.\.4, not 5"),
        ({"v_bits": 65}, r"v_bits of a stage must be in 2\.\.64, not 65"),
        ({"kernels": ()}, "each once, not for none; for example linear"),
        ({"kernels": ("linear", "linear")}, "each once, not for linear, linear; for example linear"),
        ({"kernels": ("lif",)}, "each once, not for lif; for example linear"),
    ],
)
def test_a_stage_that_cannot_be_built_is_refused(changed, message: str) -> None:
    with pytest.raises(FirstspikeError, match=message):
        replace(CONFIGS["tiny"].stages[0], **changed)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"stages": ()}, r"number of stages of a core must be in 1\.\.32, not 0"),
        ({"stages": CONFIGS["tiny"].stages[:1] * 33}, r"number of stages of a core must be in 1\.\.32, not 33"),
        ({"stages": CONFIGS["learning"].stages[:1] * 17}, r"number of stages of a core that learns must be in 1\.\.16"),
        ({"addresses": 0}, r"addresses of a core must be in 1\.\.65536, not 0"),
        ({"max_steps": 20}, "max_steps of a core is 16, 32, 64, 128 or 256, not 20"),
        ({"boot": -1}, r"boot of a core must be in 0\.\.65535, not -1"),
    ],
)
def test_a_core_that_cannot_be_built_is_refused(changed, message: str) -> None:
    with pytest.raises(FirstspikeError, match=message):
        replace(CONFIGS["tiny"], **changed)


def test_the_smallest_core_can_be_built() -> None:
    from firstspike_hw.core.core import Core

    stage = StageConfig(
        lanes=1, depth=1, max_rows=1, inputs=1, constants=0, a_bits=2, v_bits=2, kernels=("linear",), ring=True
    )
    core = Core(CoreConfig(stages=(stage,), addresses=1, max_steps=16))
    assert "module" in rtlil.convert(core, name="core", ports=[])
