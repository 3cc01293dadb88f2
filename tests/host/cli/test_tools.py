"""Programs outside Python are found by any of their names, and say their version or nothing."""

from pathlib import Path

import pytest

from firstspike.cli.tools import SystemTool, find, first_version_line, missing

TOOL = SystemTool(names=("first", "second"), debian="package", used="a test")


def script(folder: Path, name: str, text: str) -> str:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder in which programs are looked for."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def test_the_preferred_program_is_found_first(folder: Path) -> None:
    assert find(TOOL) is None
    second = script(folder, "second", "true")
    assert find(TOOL) == second
    first = script(folder, "first", "true")
    assert find(TOOL) == first


def test_the_missing_programs_are_listed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = SystemTool(names=("other",), debian="other", used="a test")
    monkeypatch.setattr("firstspike.cli.tools.TOOLS", (TOOL, other))
    assert missing() == [TOOL, other]
    script(folder, "second", "true")
    assert missing() == [other]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("echo tool 1.2; echo more", "tool 1.2"),
        ("echo; echo '  tool 1.2'", "tool 1.2"),
        ('[ "$1" = -V ] && echo tool 1.2', "tool 1.2"),
        ("echo wrong option; exit 1", ""),
        ("true", ""),
    ],
)
def test_a_program_says_its_version(text: str, line: str, tmp_path: Path) -> None:
    assert first_version_line(script(tmp_path, "tool", text)) == line


def test_a_program_that_cannot_run_says_nothing(tmp_path: Path) -> None:
    assert first_version_line(str(tmp_path / "none")) == ""
    (tmp_path / "text").write_text("no program")
    assert first_version_line(str(tmp_path / "text")) == ""
