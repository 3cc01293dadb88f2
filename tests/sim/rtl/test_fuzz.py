"""Runs random networks on the simulated gateware; slow and long tests add learning and a planted fault."""

from pathlib import Path

import pytest
from planted import emit_with_fault

from firstspike_sim.rtl import runs
from firstspike_sim.rtl.fuzz import CORES, Fuzzer
from firstspike_sim.rtl.random_cases import random_case

pytestmark = pytest.mark.skipif(runs() is not None, reason=str(runs()))


def test_the_gateware_equals_the_model_on_random_networks() -> None:
    with Fuzzer(("small",)) as fuzzer:
        findings = [finding for seed in range(5000, 5024) if (finding := fuzzer.check(seed))]
    assert [finding.line() for finding in findings if finding.wrong] == []
    assert len(findings) > 10
    assert sum(finding.spikes for finding in findings) > 500


def test_a_core_of_the_fuzzer_holds_every_network() -> None:
    from firstspike_sim.rtl.fuzz import _fits

    assert all(_fits(random_case(seed), CORES["deep"]) for seed in range(40))


@pytest.mark.slow
def test_the_gateware_learns_what_the_model_learns_on_random_networks() -> None:
    with Fuzzer(("small",), learning=True) as fuzzer:
        findings = [finding for seed in range(5000, 5024) if (finding := fuzzer.check(seed))]
    assert [finding.line() for finding in findings if finding.wrong] == []
    assert sum(finding.triggered for finding in findings) > 50


@pytest.mark.long
def test_a_horizon_off_by_one_is_found_within_100_networks(tmp_path: Path) -> None:
    faulty = emit_with_fault("small", "stage/sequencer.py", "self.horizon > t", "self.horizon >= t", tmp_path)
    with Fuzzer(("small",), verilog={"small": faulty}) as fuzzer:
        found = next((seed for seed in range(100) if (finding := fuzzer.check(seed)) and finding.wrong), None)
    print(f"found by seed {found}")
    assert found is not None
