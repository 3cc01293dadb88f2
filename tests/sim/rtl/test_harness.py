"""Tests harness, loading and streams on a stand-in core with known answers, and with faults in it."""

from pathlib import Path

import numpy as np
import pytest
from networks import layer_of, network_of

from firstspike_contract import EVENT, EventSet, FirstspikeError, Network
from firstspike_contract.core import driver
from firstspike_contract.core.access import perform
from firstspike_contract.core.register_map import offset_of
from firstspike_sim.rtl.waves import save_view

IMAGES = 150
FAULT = 0x0F0  # register of the stand-in that selects its fault


def network() -> Network:
    random = np.random.default_rng(7)
    layers = (layer_of(random.integers(-127, 128, shape), theta=20) for shape in ((5, 9), (9, 6)))
    return network_of(*layers)


def events() -> EventSet:
    random = np.random.default_rng(8)
    counts = random.integers(0, 6, IMAGES)
    all_events = np.zeros(counts.sum(), EVENT)
    all_events["x"], all_events["t"] = random.integers(0, 5, len(all_events)), random.integers(0, 16, len(all_events))
    offsets = np.concatenate([[0], np.cumsum(counts)])
    return EventSet(events=all_events, offsets=offsets, labels=random.integers(0, 300, IMAGES))


def check(core, images: EventSet, **how) -> None:
    answers = core.run(images, **how)
    results, counts = answers.batch.results, np.diff(images.offsets)
    sums = [int(images.image(i)["x"].sum()) for i in range(len(images))]
    assert results["class"].tolist() == images.labels.tolist()
    assert results["spikes_input"].tolist() == counts.tolist()
    assert results["spikes_hidden"].tolist() == sums
    assert answers.cycles.tolist() == (100 + counts).tolist()
    assert (answers.latency >= 3).all()  # one cycle each for spike, marker and answer
    assert (answers.batch.times[1][:, 0] == 2).all()
    assert (answers.batch.times[1][:, 1:] == -1).all()
    assert (answers.batch.times[2] == -1).all()


def test_images_go_in_and_answers_come_out(core_of) -> None:
    core = core_of()
    core.load(network())
    done = []
    core.run(events(), lambda now, total: done.append((now, total)))
    assert done == [(100, IMAGES), (IMAGES, IMAGES)]
    check(core, events())
    check(core, events(), alone=True)
    check(core, events().head(0))


@pytest.mark.parametrize("seed", [1, 2])
def test_stalls_change_nothing_but_the_time(core_of, seed: int) -> None:
    core = core_of()
    core.load(network())
    quick = core.run(events()).total_cycles
    core.sim.stalls(gaps=0.5, results=0.7, trace=0.9, seed=seed)
    check(core, events())
    slow = core.run(events()).total_cycles
    assert slow > 1.5 * quick
    core.sim.stalls()
    assert core.run(events()).total_cycles == quick


def test_a_run_can_be_dropped_in_the_middle(core_of) -> None:
    core = core_of()
    core.load(network())
    core.interrupt(events(), 0)
    check(core, events())


def test_registers_answer_and_refuse(core_of) -> None:
    core = core_of()
    core.sim.write(offset_of("STEPS"), 64)
    assert core.sim.read(offset_of("STEPS")) == 64
    for access in (lambda: core.sim.write(0x800, 1), lambda: core.sim.read(0x800)):
        with pytest.raises(FirstspikeError, match=r"^the core refuses the access to register 0x800 \(response 2\)$"):
            access()


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (1, "memory INPUT_MAP of stage 0: beat 0 does not read back as written"),
        (2, "memory INPUT_MAP of stage 0: CRC-32 of the beats written is"),
        (3, "the simulated core: m_axis: TLAST in the middle of a packet"),
        (4, "the simulated core: t_axis: TLAST is missing"),
        (5, "result 0 returns tag 1 and label 294, image 0 was sent with 0 and 294"),
        (6, "trace of image 0: layer 3 has no neuron 0; sizes are (9, 6)"),
        (7, "trace of image 0: its marker says decision step 4, its result 3"),
        (9, "the simulated core: m_axis: tvalid fell or the payload changed while tready was low"),
    ],
)
def test_a_broken_core_is_reported(core_of, fault: int, message: str) -> None:
    core = core_of()
    core.sim.write(FAULT, fault)
    core.sim.stalls(results=0.5)
    with pytest.raises(FirstspikeError) as caught:
        _use(core)
    assert str(caught.value).startswith(message)


def test_another_design_is_refused(core_of) -> None:
    core = core_of()
    core.sim.write(FAULT, 8)
    with pytest.raises(FirstspikeError, match=r"^this is no event core of version 1: ID and VERSION read"):
        perform(driver.identify(), core.registers)


def test_a_core_that_does_not_answer_is_an_error(core_of) -> None:
    core = core_of()
    core.load(network())
    images = events().head(3)
    images.labels[1] = 0xDEAD
    with pytest.raises(
        FirstspikeError, match=r"nothing moved on any stream for 500 cycles; \d+ of \d+ beats were taken$"
    ):
        core.run(images, patience=500)


def test_a_run_needs_a_network(core_of) -> None:
    with pytest.raises(FirstspikeError, match=r"^no network is loaded; call load\(network\) first$"):
        core_of().run(events())


def test_images_that_no_bitmap_holds_are_refused(core_of) -> None:
    core = core_of()
    core.load(network())
    with pytest.raises(FirstspikeError, match=r"^image \d+ is no bitmap: its events must be at step 0"):
        core.run(events(), bitmap=True)


def test_a_waveform_and_its_view(core_of, tmp_path: Path) -> None:
    trace = tmp_path / "x.vcd"
    core = core_of(waves=trace)
    core.load(network())
    before = core.sim.cycles
    check(core, events().head(5))
    core.close()
    stamps = [int(line[1:]) for line in trace.read_text().splitlines() if line.startswith("#")]
    assert sum(10 * 8 < stamp < 10 * before for stamp in stamps) < before  # loading is not in the waveform
    assert stamps[-1] > 10 * before
    view = save_view(trace).read_text()
    assert '[dumpfile] "x.vcd"' in view
    for signal in ("TOP.clk", "TOP.m_axis_tdata[31:0]", "TOP.t_axis_tvalid", "-results out"):
        assert signal in view.splitlines()


def test_a_library_without_waveforms_refuses_to_write_one(core_of, tmp_path: Path, stand_in: str) -> None:
    from firstspike_sim.rtl.build import build
    from firstspike_sim.rtl.library import Simulation

    with pytest.raises(FirstspikeError, match="this library was built without traces"):
        Simulation(build(stand_in), tmp_path / "x.vcd")


def _use(core) -> None:
    core.load(network())
    core.run(events())
