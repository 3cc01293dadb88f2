"""Tables are tested at their limits, and every refusal with its whole message."""

import numpy as np
import pytest
from networks import layer_of, network_of

from firstspike_contract import (
    EVENT,
    KERNELS,
    TABLE_MAX,
    EventSet,
    FirstspikeError,
    Kernel,
    Network,
    RuleViolations,
    UsageError,
    check_events,
    exp_table,
    integer_threshold,
    kernel_tables,
)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("steps", [16, 256])
def test_tables_keep_the_contract(kernel: Kernel, steps: int) -> None:
    tables = kernel_tables(kernel, steps=steps, tau_steps=steps / 2, theta=7, fraction_bits=10)
    assert (tables.a >= 0).all()
    assert (np.diff(tables.m) >= 0).all()
    assert (tables.th > 0).all()
    kappa = tables.a[None, :] * (tables.m[:, None] - tables.m[None, :])
    assert (np.diag(kappa) == 0).all()
    assert (np.tril(kappa) >= 0).all()


def test_exp_table_at_its_width() -> None:
    assert exp_table(16, 8.0, 0)[0] == 1
    assert exp_table(16, 8.0, 14)[-1] == round(2**14 * np.exp(15 / 8)) <= TABLE_MAX
    with pytest.raises(FirstspikeError) as caught:
        exp_table(16, 8.0, 15)
    assert str(caught.value) == (
        "a table of 2^15 exp(t / 8) over 16 steps needs 17.7 bits, the core has 17; "
        "use fewer fraction bits or a shorter time window"
    )


def test_integer_threshold_tolerates_the_rounding_of_a_float_division() -> None:
    assert integer_threshold(0.3 / (0.1 / 100)) == 300
    assert [integer_threshold(theta) for theta in (1e-9, 1.0, 1.0001, 2.0)] == [1, 1, 2, 2]
    with pytest.raises(FirstspikeError) as caught:
        integer_threshold(float("nan"))
    assert str(caught.value) == "a threshold must be a positive number, not nan; for example 1.0"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"kernel": "alfa"},
            "unknown kernel 'alfa', did you mean alpha? known: linear, exponential, lif-2to1, alpha, step",
        ),
        ({"steps": 20}, "the number of time steps must be a power of two in 16..256, not 20; for example 16"),
        ({"tau_steps": 0.0}, "the time constant must be a positive number of steps, not 0.0; for example 51.2"),
        ({"fraction_bits": 18}, "fraction bits must be in 0..17, not 18; for example 9"),
        ({"theta": 0}, "an integer threshold must be at least 1, not 0; for example 256"),
    ],
)
def test_table_refusals(change: dict, message: str) -> None:
    options = {"kernel": "alpha", "steps": 16, "tau_steps": 8.0, "theta": 5, "fraction_bits": 9} | change
    with pytest.raises(FirstspikeError) as caught:
        kernel_tables(options.pop("kernel"), **options)
    assert str(caught.value) == message


def network() -> Network:
    return network_of(layer_of(np.ones((4, 2)), theta=5, tau_steps=1.0))


@pytest.mark.parametrize(
    ("events", "labels", "message"),
    [
        ([(0, 0), (16, 1)], None, "image 1, event 0: time code 16 is out of range; this network takes 0..15"),
        ([(0, 4), (15, 1)], None, "image 0, event 0: address 4 is out of range; this network takes 0..3"),
        (
            [(0, 0), (1, 2), (2, 2)],
            None,
            "image 1, event 1: input 2 spikes a second time; an input spikes at most once per image",
        ),
        ([(0, 0)], [0, 1, 0], "2 images but 3 labels; every image needs exactly one label"),
        ([(0, 0)], [0, 2], "image 1: label 2 is out of range; this network has classes 0..1"),
        ([(15, 3), (0, 3)], [0, 1], None),
    ],
)
def test_event_refusals(events: list, labels: list | None, message: str | None) -> None:
    array = np.array(events, EVENT)
    images = EventSet(
        events=array, offsets=np.array([0, 1, len(array)]), labels=None if labels is None else np.array(labels)
    )
    if message is None:
        check_events(images, network())
        return
    with pytest.raises(FirstspikeError) as caught:
        check_events(images, network())
    assert str(caught.value) == message


def test_offsets_that_do_not_match_the_events_are_refused() -> None:
    with pytest.raises(FirstspikeError) as caught:
        check_events(EventSet(events=np.zeros(2, EVENT), offsets=np.array([0, 3])), network())
    assert str(caught.value) == (
        "offsets must rise from 0 to the number of events, 2, without falling; these go from 0 to 3"
    )


def test_errors_carry_their_exit_code() -> None:
    assert (FirstspikeError.exit_code, UsageError.exit_code) == (1, 2)
    assert str(RuleViolations(["a", "b"])) == "a\nb"
    assert RuleViolations(["a", "b"]).violations == ("a", "b")
