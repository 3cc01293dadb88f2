"""The shipped networks are found in the repository and beside an installed package; a missing one is named."""

from pathlib import Path

import pytest

from firstspike import examples
from firstspike_contract.common.errors import FirstspikeError

NAME = "mnist-784-600-10.nir"


def test_a_shipped_network_is_found() -> None:
    assert examples.example(NAME).read_bytes()[:4] == b"\x89HDF"


def test_networks_lie_in_the_repository_or_beside_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "host" / "firstspike"
    monkeypatch.setattr(examples, "__file__", str(package / "examples.py"))
    for folder in (package / "examples", tmp_path / "examples"):  # the repository's own comes first
        folder.mkdir(parents=True)
        (folder / NAME).write_text("net")
        assert examples.example(NAME) == folder / NAME


def test_a_missing_network_is_named() -> None:
    with pytest.raises(FirstspikeError) as error:
        examples.example("none.nir")
    assert str(error.value) == (
        "the example network none.nir is missing; reinstall firstspike, or run git checkout examples"
    )
