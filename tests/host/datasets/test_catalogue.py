"""Every data set that is offered loads by name; every other name is refused with a suggestion."""

import subprocess
import sys
from pathlib import Path

import pytest

from firstspike.datasets import NAMES, load
from firstspike_contract.common.errors import UsageError

RULE = (
    "a data set is mnist:train|test, yinyang:train|validation|test, "
    "FOLDER:train|test of IDX files or an .npz of events: "
)


def test_every_offered_name_loads() -> None:
    assert NAMES == ("mnist:train", "mnist:test", "yinyang:train", "yinyang:validation", "yinyang:test")
    for name in NAMES:
        samples = load(name)
        assert f"{samples.name}:{samples.split}" == name


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            "mnst:test",
            RULE + "unknown data set 'mnst:test', did you mean mnist:test? "
            "known: mnist:train, mnist:test, yinyang:train, yinyang:validation, yinyang:test",
        ),
        (
            "/no/such/folder",
            RULE + "unknown data set '/no/such/folder'; "
            "known: mnist:train, mnist:test, yinyang:train, yinyang:validation, yinyang:test",
        ),
        (
            "",
            RULE + "unknown data set ''; "
            "known: mnist:train, mnist:test, yinyang:train, yinyang:validation, yinyang:test",
        ),
        ("mnist", "a data set needs its split (train|test): 'mnist' names none; for example mnist:test"),
        ("mnist:", "a data set needs its split (train|test): 'mnist:' names none; for example mnist:test"),
        (
            "yinyang:valid",
            "unknown split of yinyang 'valid', did you mean validation? known: train, validation, test; "
            "for example yinyang:test",
        ),
        (
            "mnist:x",
            "unknown split of mnist 'x'; known: train, test; for example mnist:test",
        ),
    ],
)
def test_unknown_names_suggest_the_nearest(spec: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        load(spec)
    assert str(caught.value) == message


def test_a_folder_needs_its_split(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        load(str(tmp_path))
    assert str(caught.value) == (
        f"a data set needs its split (train|test): '{tmp_path}' names none; for example {tmp_path}:test"
    )


def test_data_sets_need_numpy_alone() -> None:
    heavy = ("matplotlib", "numba", "nir", "h5py", "scipy", "torch", "yaml", "serial")
    code = f"import sys, firstspike.datasets; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
