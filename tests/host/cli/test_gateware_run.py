"""Tests `firstspike simulate --level rtl` on a small network: figures, comparison, refusals, waveforms."""

from pathlib import Path

import pytest

from firstspike.cli import gateware_run
from firstspike_contract import CONFIGS, FirstspikeError
from firstspike_sim.rtl import RtlCore, runs

needs_verilator = pytest.mark.skipif(runs() is not None, reason=str(runs()))
RTL = ("simulate", "deployment", "--level", "rtl", "--data", "yinyang:test", "--core", "small")


@needs_verilator
def test_the_gateware_gives_the_figures_of_the_model(run, deployment: Path) -> None:
    done = run(*RTL, "--limit", "60", "--json")
    assert (done.code, done.err) == (0, "")
    model = run("simulate", "deployment", "--data", "yinyang:test", "--limit", "60", "--json").json
    said = done.json
    for name in (
        "accuracy",
        "steps",
        "spikes_hidden",
        "spikes_output",
        "spikes_input",
        "lookups",
        "tie_rate",
        "images",
    ):
        assert said[name] == model[name]
    assert (said["level"], said["core"], said["mismatches"]) == ("rtl", "small", 0)
    for name in ("cycles", "latency", "latency_alone"):
        assert 10 < said[name]["p50"] <= said[name]["p99"] < 2000
        assert said[name]["mean"] > 10
    assert said["rows_read"] > 0
    assert "cycles             mean " in run(*RTL, "--limit", "5").out


@needs_verilator
def test_a_difference_is_found_and_named(run, deployment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right = RtlCore.run

    def wrong(self, events, *words, **how):
        answers = right(self, events, *words, **how)
        answers.batch.times[1][3, 2] = 99
        return answers

    monkeypatch.setattr(RtlCore, "run", wrong)
    done = run(*RTL, "--limit", "5", "--json")
    assert (done.code, done.json["mismatches"]) == (1, 1)
    assert done.json["first_mismatch"].startswith("image 3: neuron 2 of layer 1 spikes at 99, not ")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--waves", "x.png", "--level", "rtl"],
            "--waves: waveforms go to a .vcd file: have x.png; for example digits.vcd",
        ),
        (["--waves", "x.vcd"], "--core and --waves need the gateware; add --level rtl"),
        (["--core", "fats", "--level", "rtl"], "--core: unknown core 'fats', did you mean fast?"),
        (["--waves", "x.vcd", "--level", "rtl"], "--waves is for at most 100 images, not 1000; for example --limit 20"),
    ],
)
def test_options_that_make_no_sense_are_refused(run, deployment: Path, words: list[str], message: str) -> None:
    done = run("simulate", "deployment", "--data", "yinyang:test", *words)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"error: {message}")
    assert not Path("x.vcd").exists()


def test_the_first_core_that_holds_the_network_is_chosen(deployment: Path) -> None:
    from firstspike_compiler.deployment import read_deployment

    network = read_deployment(deployment).network
    assert gateware_run.core_for(network, None) == ("fast", CONFIGS["fast"])
    assert gateware_run.core_for(network, "general")[0] == "general"
    large = read_deployment(deployment).network
    object.__setattr__(large, "input_map", large.input_map.repeat(1000))
    with pytest.raises(
        FirstspikeError, match=r"^the network fits none of the cores; fast: the core has 1024 addresses"
    ):
        gateware_run.core_for(large, None)


@needs_verilator
@pytest.mark.slow
def test_a_waveform_and_its_view_are_written(run, deployment: Path) -> None:
    done = run(*RTL, "--limit", "3", "--waves", "x.vcd", "--json")
    assert done.code == 0, done.err
    assert done.json["waves_view"] == "x.gtkw"
    view = Path("x.gtkw").read_text()
    assert "TOP.m_axis_tdata[31:0]" in view
    assert "-stage0 sequencer" in view
    assert run(*RTL, "--limit", "3", "--waves", "x.vcd").code == 1
