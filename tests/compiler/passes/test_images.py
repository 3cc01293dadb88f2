"""Generated images follow encoding and mask and are always the same; recoding keeps spikes inside the window."""

from dataclasses import replace

import numpy as np
import pytest
from networks import grid_network, set_of

from firstspike_compiler.ir import Encoding
from firstspike_compiler.passes.grid import lay_grid
from firstspike_compiler.passes.images import generated_images, recode
from firstspike_contract import EVENT, EventSet

MASK = np.arange(40) % 2 == 0


def generated(name: str, t_late: float | None = None, *, mask: np.ndarray | None = None, images: int = 64) -> EventSet:
    ir = replace(grid_network(inputs=40), encoding=Encoding(name=name, t_late=t_late), mask=mask)
    return generated_images(ir, lay_grid(ir, 16), images)


@pytest.mark.parametrize(
    ("name", "t_late", "codes"),
    [
        ("binary", None, [0]),
        ("two-time", 2.0, [0, 8]),
        ("latency", 0.5, [0, 1, 2]),
        ("latency", 0.0, [0]),
        ("events", None, list(range(16))),
    ],
)
def test_spikes_are_those_of_the_encoding(name: str, t_late: float | None, codes: list[int]) -> None:
    found = generated(name, t_late)
    assert (len(found), found.labels) == (64, None)
    assert np.unique(found.events["t"]).tolist() == codes
    for n in range(len(found)):
        x = found.image(n)["x"]
        assert len(np.unique(x)) == len(x)
        assert name != "two-time" or len(x) == 40, "every dark input must spike late"


def test_bright_inputs_are_5_to_60_per_cent() -> None:
    sizes = np.diff(generated("binary").offsets) / 40
    assert 0.2 < sizes.mean() < 0.45
    assert sizes.max() < 0.85


def test_hidden_inputs_never_spike() -> None:
    assert (generated("two-time", 2.0, mask=MASK).events["x"] % 2 == 0).all()


def test_images_are_the_same_every_time() -> None:
    one, other = generated("events"), generated("events")
    assert (one.events == other.events).all()
    few = generated("events", images=3)
    assert (few.events == one.events[: len(few.events)]).all()


@pytest.mark.parametrize(
    ("old", "new", "codes"),
    [
        (16, 16, [0, 1, 7, 15]),
        (16, 64, [0, 4, 28, 60]),
        (64, 16, [0, 0, 2, 4]),  # 7 / 4 rounds to 2, 15 / 4 to 4
        (256, 16, [0, 0, 0, 1]),
    ],
)
def test_spikes_move_to_the_nearest_step(old: int, new: int, codes: list[int]) -> None:
    events = set_of([np.array([(t, 3) for t in (0, 1, 7, 15)], EVENT)], np.array([2]))
    moved = recode(events, old, new)
    assert moved.events["t"].tolist() == codes
    assert (moved.events["x"] == 3).all()
    assert moved.labels is events.labels


def test_the_last_spike_stays_in_the_window() -> None:
    assert recode(set_of([np.array([(255, 0)], EVENT)]), 256, 16).events["t"].tolist() == [15]
