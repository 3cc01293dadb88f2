"""A deployment made by an earlier version loads as before; what is in it is what is compiled today."""

from pathlib import Path

import numpy as np

import firstspike
from firstspike_compiler.deployment import encode_image, read_deployment
from firstspike_compiler.formats.nir.reader import read_nir
from firstspike_compiler.pipeline import compile_network
from firstspike_compiler.targets import load_target
from firstspike_contract.arithmetic.evaluate import evaluate_set

ROOT = Path(__file__).parents[3]
# Of examples/yinyang-4-120-3.nir, by `firstspike compile` of 0.1.0 before the contract was a package of its own.
KEPT = Path(__file__).parent / "of_version_0.1.0"
NETWORK = ROOT / "examples" / "yinyang-4-120-3.nir"


def test_it_is_read_and_gives_the_answers_that_it_came_with() -> None:
    kept = read_deployment(KEPT)
    batch = evaluate_set(kept.network, kept.golden.events)
    np.testing.assert_array_equal(batch.results, kept.golden.batch.results)
    for mine, theirs in zip(batch.times, kept.golden.batch.times, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_today_the_same_image_is_made_of_the_same_network() -> None:
    compiled = compile_network(read_nir(NETWORK), load_target("ulx3s-85f"), source=NETWORK)
    assert encode_image(compiled.network) == (KEPT / "image.bin").read_bytes()


def test_a_board_loads_it_under_the_name_that_it_had() -> None:
    kept = read_deployment(KEPT)
    with firstspike.open("sim:small") as board:
        assert board.load(kept)
        assert board.status()["loaded"] == kept.manifest["files"]["image.bin"]["sha256"][:16]
        assert not board.load(kept, if_needed=True)
        board.verify()
        answers = board.run(kept.golden.events, spikes=True)
    np.testing.assert_array_equal(answers.batch.results["class"], kept.golden.batch.results["class"])
    np.testing.assert_array_equal(answers.batch.results["step"], kept.golden.batch.results["step"])
