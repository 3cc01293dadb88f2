"""Outputs appear whole or not at all; existing files and folders in their place are refused."""

from pathlib import Path

import pytest

from firstspike.cli.files import refuse_existing, whole_file, whole_folder
from firstspike_contract.common.errors import FirstspikeError

OWN = frozenset({"a.txt", "b.txt"})
WHAT = "results of this command"


def fill(path: Path, *names: str, force: bool = False) -> None:
    with whole_folder(path, force=force, own=OWN, what=WHAT) as draft:
        for name in names:
            (draft / name).write_text(name)


def names(path: Path) -> list[str]:
    return sorted(entry.name for entry in path.iterdir())


@pytest.mark.parametrize("force", [False, True])
def test_a_file_that_may_be_written(force: bool, tmp_path: Path) -> None:
    refuse_existing(tmp_path / "new", force=force)
    with whole_file(tmp_path / "new", force=force) as draft:
        draft.write_text("x")
        assert not (tmp_path / "new").exists()
    assert (names(tmp_path), (tmp_path / "new").read_text()) == (["new"], "x")


def test_a_link_to_nothing_counts_as_existing(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "nothing")
    with pytest.raises(FirstspikeError) as error:
        refuse_existing(link, force=False)
    assert str(error.value) == f"{link} exists and is not overwritten; use another name, or --force to replace it"
    with whole_file(link, force=True) as draft:
        draft.write_text("x")
    assert not link.is_symlink()
    assert names(tmp_path) == ["link"]


def test_a_file_is_not_written_over_a_folder_or_into_none(tmp_path: Path) -> None:
    for path, message in (
        (tmp_path, f"{tmp_path} is a directory; --force replaces files only"),
        (tmp_path / "no" / "x", f"{tmp_path}/no/x: the folder {tmp_path}/no does not exist; make it first"),
    ):
        with pytest.raises(FirstspikeError) as error:
            refuse_existing(path, force=True)
        assert str(error.value) == message


def test_a_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    fill(tmp_path / "out", "a.txt")
    assert (names(tmp_path), names(tmp_path / "out")) == (["out"], ["a.txt"])
    fill(tmp_path / "out", "b.txt", force=True)
    assert (names(tmp_path), names(tmp_path / "out")) == (["out"], ["b.txt"]), "files of the old folder are left"

    def fail() -> None:
        with whole_folder(tmp_path / "out", force=True, own=OWN, what=WHAT) as draft:
            (draft / "a.txt").write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert (names(tmp_path), names(tmp_path / "out")) == (["out"], ["b.txt"])


def test_an_empty_folder_is_replaced_on_request(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    fill(tmp_path / "out", "a.txt", force=True)
    assert names(tmp_path / "out") == ["a.txt"]


@pytest.mark.parametrize("force", [False, True])
def test_a_path_that_is_no_folder_of_this_command_is_refused(force: bool, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "z.txt").write_text("z")
    (tmp_path / "mine" / "c.txt").write_text("c")
    forced = {
        "file": f"is not a directory; --force replaces {WHAT} only",
        "link": f"is not a directory; --force replaces {WHAT} only",
        "mine": f"holds 'c.txt', which {WHAT} do not have; --force replaces {WHAT} only",
    }
    plain = "exists and is not overwritten; use another name, or --force to replace it"
    for name, message in forced.items():
        with pytest.raises(FirstspikeError) as error:
            fill(tmp_path / name, force=force)
        assert str(error.value) == f"{tmp_path / name} {message if force else plain}"
    with pytest.raises(FirstspikeError) as error:
        fill(tmp_path / "no" / "out", force=force)
    assert str(error.value) == f"{tmp_path}/no/out: the folder {tmp_path}/no does not exist; make it first"
    assert names(tmp_path / "mine") == ["c.txt", "z.txt"]
