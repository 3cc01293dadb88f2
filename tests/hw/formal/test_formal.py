"""The properties of the gateware are proved, and proofs of gateware with a planted fault fail."""

import importlib.util

import prover
import pytest
from decision_properties import decision
from faults import FAULTS, LINK_FAULTS, planted
from horizon_properties import at_the_entry, between_stages
from link_properties import LINK_STREAMS, guard, receive_ring, reporter, session
from prover import Proof, ProverError, Verdict, prove, refute
from queue_properties import calendar
from stream_properties import STREAMS
from votes_properties import delta_unit

pytestmark = pytest.mark.skipif(prover.missing() is not None, reason=str(prover.missing()))


LINK = (receive_ring, guard, session, reporter, *LINK_STREAMS.values())


@pytest.mark.parametrize("proof", [calendar, at_the_entry, *STREAMS.values(), *LINK])
def test_proved_for_all_time(proof) -> None:
    assert prove(proof()) == Verdict(violated=None)


# No invariants are known that prove these properties for all time. It is enough to prove one image without pauses:
# idle cycles only repeat a state, and `clear` and `rst` lead back to the first state, except for the contents of
# memories and of registers that are not valid. The cycles of an image:
#   between_stages  27: 1 to write a delay, 6 rows of two cycles each, 14 until all messages have passed
#   decision        17: 4 rows, 12 until the decision, 1 in which the decision stands
@pytest.mark.parametrize(("proof", "bound"), [(between_stages, 27), (decision, 17)])
def test_proved_for_a_whole_image(proof, bound) -> None:
    assert prove(proof(), bound=bound) == Verdict(violated=None, frame=bound)


@pytest.mark.parametrize("outputs", range(1, 11))
def test_the_delta_unit_is_proved(outputs) -> None:
    assert prove(delta_unit(outputs)) == Verdict(violated=None)


@pytest.mark.parametrize(
    ("proof", "fault", "violated"),
    [
        (calendar, "stale bucket", "occupied says whether events are due"),
        (calendar, "lost link", "nothing lost"),
        (between_stages, "horizon off by one", "nothing is filed below the horizon"),
        (between_stages, "horizon ahead of the last spike", "nothing is filed below the horizon"),
        (between_stages, "delay off by one", "filed once, at the recorded time"),
        (between_stages, "filed beyond T", "filed once, at the recorded time"),
        (at_the_entry, "horizon of ordered images off by one", "the horizon does not fall"),
        (at_the_entry, "duplicate accepted", "nothing is filed below the horizon"),
        (decision, "lost tie", "tie"),
        (decision, "last of equals wins", "no lower index has an equal excess"),
        (decision, "exact tie forgotten", "exact tie"),
        (decision, "excess compared without its sign", "no output has a larger excess"),
        (lambda: delta_unit(10), "votes against counted for", "sooner where up exceeds down"),
        (STREAMS["result"], "result not held", "m_axis: payload is stable"),
        (STREAMS["trace"], "trace not held", "t_axis: stays valid"),
        (STREAMS["sequencer"], "sequencer does not wait for the trace", "spikes: stays valid"),
        (STREAMS["serialiser"], "serialiser does not wait", "messages: stays valid"),
        (STREAMS["register_file"], "register answer not held", "s_axil r: stays valid"),
        (receive_ring, "payload visible before it is judged", "only what was committed is seen"),
        (receive_ring, "payload forgotten by halves", "only what was committed is seen"),
        (guard, "guard forgets what changes", "valid: loaded whole"),
        (guard, "guard without a CRC", "valid: loaded whole"),
        (guard, "guard forgets refusals", "valid: loaded whole"),
        (session, "sequence off by one", "committed in a session and in order"),
        (session, "payload taken without room", "committed in a session and in order"),
        (session, "anybody's frames are heard", "committed in a session and in order"),
        (reporter, "spikes without room", "there is room"),
        (LINK_STREAMS["bus"], "write given up", "s_axil aw: stays valid"),
        (LINK_STREAMS["dispatcher"], "images in any state", "images in VALID only"),
    ],
)
def test_a_planted_fault_has_a_counterexample(proof, fault, violated) -> None:
    with planted((FAULTS | LINK_FAULTS)[fault]):
        verdict = refute(proof(), bound=24)
    assert verdict.violated == violated


@pytest.mark.parametrize(
    ("proof", "fault"),
    [
        (STREAMS["serialiser"], "serialiser does not wait"),
        (STREAMS["register_file"], "register answer not held"),
        (session, "sequence off by one"),
        (LINK_STREAMS["dispatcher"], "images in any state"),
        (receive_ring, "payload forgotten by halves"),
    ],
)
def test_a_planted_fault_is_not_proved(proof, fault) -> None:
    """`prove` must not prove a faulty unit either; these cases include requirements that induction proves."""
    with planted((FAULTS | LINK_FAULTS)[fault]):
        assert prove(proof()).violated is not None


@pytest.mark.parametrize("proof", [calendar, between_stages, at_the_entry, decision, *STREAMS.values(), *LINK])
def test_assumptions_leave_room_for_a_long_run(proof) -> None:
    """A proof is worthless if its assumptions cannot be met, so each must allow a run of 12 cycles."""
    made = proof()
    made.require("no such run", ~(made.since_start == 12))
    made.keep_only("no such run")
    assert refute(made).violated == "no such run"


def test_a_missing_prover_is_named(monkeypatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ProverError) as error:
        prove(Proof())
    assert str(error.value) == (
        "formal proofs need the package pyosys, and it is not installed; install it with: pip install 'firstspike[dev]'"
    )
