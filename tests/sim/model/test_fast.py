"""The fast model equals the plain model in every result, spike time and count, on random networks of all kernels."""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st
from networks import layer_of, network_of

from firstspike_contract import (
    EVENT,
    KERNELS,
    Batch,
    EventSet,
    FirstspikeError,
    Kernel,
    Network,
    evaluate_set,
    figures,
)
from firstspike_sim import FastModel, measure
from firstspike_sim.model import kernel, layout, vectors
from firstspike_sim.rtl.random_cases import random_events, random_network


def some_network(rng: np.random.Generator) -> Network:
    return random_network(rng, large=False, kernel=cast(Kernel, str(rng.choice(KERNELS))))


def assert_equal(fast: Batch, plain: Batch) -> None:
    for field in plain.results.dtype.names or ():
        np.testing.assert_array_equal(fast.results[field], plain.results[field], err_msg=field)
    for k, (have, want) in enumerate(zip(fast.times, plain.times, strict=True)):
        np.testing.assert_array_equal(have, want, err_msg=f"times[{k}]")
    np.testing.assert_array_equal(fast.rows, plain.rows, err_msg="rows")


@settings(max_examples=150, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32 - 1))
def test_equals_the_plain_model(seed: int) -> None:
    note(f"seed {seed}")
    rng = np.random.default_rng(seed)
    network = some_network(rng)
    events = random_events(rng, network, 6)
    assert_equal(FastModel(network).run(events), evaluate_set(network, events))


def test_random_networks_cover_all_kinds_of_answers() -> None:
    """The networks of the comparison spike, tie, stay silent, and drop and refuse events."""
    seen: dict[str, float] = {}
    kernels = set()
    for seed in range(150):
        rng = np.random.default_rng(seed)
        network = some_network(rng)
        kernels.add((network.kernel, len(network.layers)))
        for name, value in figures(network, FastModel(network).run(random_events(rng, network, 6)), None).items():
            if isinstance(value, float):
                seen[name] = seen.get(name, 0.0) + value
    print(seen)
    assert len(kernels) == 20
    assert min(seen.values()) > 1
    assert seen["silent_rate"] < 140


def test_helpers_of_kernel_py_is_the_digest_of_the_helpers() -> None:
    source = b"".join(Path(str(module.__file__)).read_bytes() for module in (layout, vectors))
    digest = hashlib.sha256(source).hexdigest()[: len(kernel.HELPERS)]
    assert digest == kernel.HELPERS, "write the new digest into HELPERS of kernel.py"


def wide_network(weight: int, threshold: int, inputs: int = 600, gain: int = 1) -> Network:
    layer = layer_of(np.full((inputs, 3), weight), theta=threshold)
    return network_of(replace(layer, a=np.full(16, gain)))


@pytest.mark.parametrize(
    ("weight", "threshold", "gain", "slope", "potential"),
    [
        (54, 5, 1, "int16", "int32"),
        (55, 5, 1, "int32", "int64"),
        (1, 2**40, 1, "int32", "int64"),
        (127, 10**11, 2**17, "int64", "int64"),
    ],
)
def test_accumulators_are_the_narrowest_that_hold_the_worst_case(
    weight: int, threshold: int, gain: int, slope: str, potential: str
) -> None:
    network = wide_network(weight, threshold, gain=gain)
    model = FastModel(network)
    assert (str(model.slope_dtype), str(model.potential_dtype)) == (slope, potential)
    events = np.zeros(600, EVENT)
    events["x"] = np.arange(600)
    one = EventSet(events=events, offsets=np.array([0, 600]))
    assert_equal(model.run(one), evaluate_set(network, one))


def test_a_network_that_needs_more_than_64_bits_is_refused() -> None:
    network = wide_network(127, 5)
    wide = replace(network, layers=(replace(network.layers[0], m=np.arange(16) << 50),))
    with pytest.raises(FirstspikeError) as caught:
        FastModel(wide)
    assert str(caught.value) == "accumulators would need 73 bits, the model has 64"


def test_out_is_overwritten_and_must_fit() -> None:
    rng = np.random.default_rng(3)
    network = some_network(rng)
    model = FastModel(network)
    first, second = (random_events(rng, network, 5) for _ in range(2))
    batch = model.run(first)
    assert model.run(second, out=batch) is batch
    assert_equal(batch, evaluate_set(network, second))
    with pytest.raises(FirstspikeError) as caught:
        model.run(first.head(2), out=batch)
    assert str(caught.value) == "`out` must be what an earlier run of 2 images of this model returned"
    assert measure(model, first, repeats=1) > 0


def test_progress_and_no_images() -> None:
    model = FastModel(wide_network(1, 5))
    calls: list[tuple[int, int]] = []
    empty = EventSet(events=np.zeros(0, EVENT), offsets=np.zeros(1501, np.int64))
    model.run(empty, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(1000, 1500), (1500, 1500)]
    assert len(model.run(empty.head(0))) == 0
