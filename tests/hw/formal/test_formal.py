"""The gateware's properties are proved, and every proof fails for a gateware with a fault."""

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


# Induction does not get through these in a minute. Idle cycles only repeat a state, and `clear` and `rst` lead back to
# the first one but for the contents of memories and of registers that are not valid; so what counts is an image played
# without a pause. Its cycles:
#   between_stages  1 delay written, 6 rows of two cycles each, 14 until all of it is through: 27
#   decision        4 rows, 12 until the decision, 1 in which it stands: 17
@pytest.mark.parametrize(("proof", "bound"), [(between_stages, 27), (decision, 17)])
def test_proved_for_a_whole_image(proof, bound) -> None:
    assert prove(proof(), bound=bound, seconds=150) == Verdict(violated=None, frame=bound)


@pytest.mark.parametrize("outputs", range(1, 11))
def test_the_delta_unit_is_proved(outputs) -> None:
    assert prove(delta_unit(outputs)) == Verdict(violated=None)


@pytest.mark.parametrize(
    ("proof", "fault", "violated"),
    [
        (calendar, "stale bucket", "occupied is the truth"),
        (calendar, "lost link", "nothing lost"),
        (between_stages, "horizon off by one", "nothing is filed below the horizon"),
        (between_stages, "horizon ahead of the last spike", "nothing is filed below the horizon"),
        (between_stages, "delay off by one", "filed once, at the recorded time"),
        (between_stages, "filed beyond T", "filed once, at the recorded time"),
        (at_the_entry, "horizon of ordered images off by one", "the horizon does not fall"),
        (at_the_entry, "duplicate accepted", "nothing is filed below the horizon"),
        (decision, "lost tie", "tie"),
        (decision, "last of equals wins", "none of a lower index has the same"),
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


@pytest.mark.parametrize("proof", [calendar, between_stages, at_the_entry, decision, *STREAMS.values(), *LINK])
def test_assumptions_leave_room_for_a_long_run(proof) -> None:
    """A proof whose assumptions cannot be met shows nothing."""
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
