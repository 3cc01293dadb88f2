"""A deployment made by an earlier version still loads, and compiling its network today gives the same image."""

from pathlib import Path

import numpy as np

import firstspike
from firstspike_compiler.deployment import encode_image, read_deployment
from firstspike_compiler.formats.nir.reader import read_nir
from firstspike_compiler.pipeline import compile_network
from firstspike_compiler.targets import load_target
from firstspike_contract.arithmetic.evaluate import evaluate_set

ROOT = Path(__file__).parents[3]
# The deployment of examples/yinyang-4-120-3.nir that `firstspike compile` of 0.1.0 wrote before the contract became a
# package of its own.
KEPT = Path(__file__).parent / "of_version_0.1.0"
NETWORK = ROOT / "examples" / "yinyang-4-120-3.nir"


def test_the_old_deployment_still_gives_its_golden_answers() -> None:
    kept = read_deployment(KEPT)
    batch = evaluate_set(kept.network, kept.golden.events)
    np.testing.assert_array_equal(batch.results, kept.golden.batch.results)
    for mine, theirs in zip(batch.times, kept.golden.batch.times, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_compiling_the_same_network_today_gives_the_same_image() -> None:
    compiled = compile_network(read_nir(NETWORK), load_target("ulx3s-85f"), source=NETWORK)
    assert encode_image(compiled.network) == (KEPT / "image.bin").read_bytes()


def test_a_board_loads_the_old_deployment_under_its_old_name() -> None:
    kept = read_deployment(KEPT)
    with firstspike.open("sim:small") as board:
        assert board.load(kept)
        assert board.status()["loaded"] == kept.manifest["files"]["image.bin"]["sha256"][:16]
        assert not board.load(kept, if_needed=True)
        board.verify()
        answers = board.run(kept.golden.events, spikes=True)
    np.testing.assert_array_equal(answers.batch.results["class"], kept.golden.batch.results["class"])
    np.testing.assert_array_equal(answers.batch.results["step"], kept.golden.batch.results["step"])
