"""Measuring and publishing are apart, and nothing under benchmarks/ or scripts/ uses tests/ or runs scripts."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BENCHMARKS = ROOT / "benchmarks"
FILES = sorted([*BENCHMARKS.rglob("*.py"), *(ROOT / "scripts").glob("*.py")])
# Which of our modules each room may import; a room is a folder, or a program beside the folders.
MAY_IMPORT = {
    "records": set(),
    "table": set(),
    "derived": set(),
    "measuring": {"derived"},
    "publishing": {"records"},
    "derive": {"derived"},
    "measure": {"measuring"},
    "run": {"records", "table"},
    "publish": {"publishing", "records"},
}


def imported(path: Path) -> set[str]:
    """Returns the first words of the modules that a file imports, wherever in the file."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module is not None:
            names.add(node.module.partition(".")[0])
    return names


def room(path: Path) -> str:
    return path.relative_to(BENCHMARKS).parts[0].removesuffix(".py")


def test_every_room_of_the_benchmarks_is_listed() -> None:
    assert {room(path) for path in BENCHMARKS.rglob("*.py")} == set(MAY_IMPORT)


@pytest.mark.parametrize("path", sorted(BENCHMARKS.rglob("*.py")), ids=lambda path: str(path.relative_to(BENCHMARKS)))
def test_a_room_imports_only_those_that_it_may(path: Path) -> None:
    ours = imported(path) & set(MAY_IMPORT)
    assert ours <= {room(path), *MAY_IMPORT[room(path)]}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_uses_the_tests_or_runs_a_script(path: Path) -> None:
    assert not imported(path) & {"tests", "pytest", "conftest"}
    text = path.read_text()
    assert "sys.path" not in text
    if path.is_relative_to(BENCHMARKS):
        assert "scripts/" not in text
