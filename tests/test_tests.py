"""Enforces the rules of the tests: no verdict by the clock, imports without tricks, a test for every module, tiers."""

import ast
import re
from collections.abc import Collection
from pathlib import Path

import pytest
from house import ROOT, SOURCES, shown, tracked


def sources_of_tests() -> list[Path]:
    return [path for path in tracked() if path.suffix == ".py" and path.is_relative_to(ROOT / "tests")]


# Test files that read the clock or give a subprocess a time, with the reason why their verdict does not depend on it.
CLOCKS = {
    "tests/host/virtual/test_server.py": "a line that is slowed down must take at least its time; no upper bound",
    "tests/host/link/test_lines.py": "hands the time of day to the far end of a line, as a board's clock",
}
CLOCK = re.compile(r"\btime\.(monotonic|perf_counter|time)\(\)|\btimeout=\d+\)")


def reads_the_clock(source: str) -> bool:
    return CLOCK.search(source) is not None


def test_no_verdict_of_a_test_depends_on_the_clock() -> None:
    assert reads_the_clock("start = time.monotonic()")
    assert reads_the_clock("subprocess.run(words, timeout=60)")
    assert not reads_the_clock("simulate(unit, limit=60)")
    found = {shown(path) for path in sources_of_tests() if reads_the_clock(path.read_text()) and path != Path(__file__)}
    assert found == CLOCKS.keys()


PATH = re.compile(r"\bsys\.path(\.\w+\(| *\+?= |\[)")


def test_no_test_changes_the_path_of_imports() -> None:
    assert PATH.search("sys.path.insert(0, here)")
    assert PATH.search("sys.path[:0] = [here]")
    wrong = [shown(path) for path in sources_of_tests() if PATH.search(path.read_text())]
    assert [name for name in wrong if name != shown(Path(__file__))] == []


# Folders of the packages, each with the folder of its tests.
MIRRORS = {
    "hw/firstspike_contract": "tests/contract",
    "hw/firstspike_hw": "tests/hw",
    "compiler/firstspike_compiler": "tests/compiler",
    "sim/firstspike_sim": "tests/sim",
    "host/firstspike": "tests/host",
}
TESTED = re.compile(r"Tested by tests/\S+\.py(?:(?:,| and) tests/\S+\.py)*\.")


def mirror_of(module: str) -> str:
    """Returns the path of the test file that mirrors a module."""
    package = next(folder for folder in MIRRORS if module.startswith(f"{folder}/"))
    folder, _, name = module.removeprefix(package).rpartition("/")
    return f"{MIRRORS[package]}{folder}/test_{name}"


def named_tests(source: str) -> list[str]:
    """Returns the paths in the last paragraph of the docstring, if it says `Tested by tests/...`."""
    docstring = ast.get_docstring(ast.parse(source)) or ""
    last = " ".join(docstring.split("\n\n")[-1].split())
    return re.findall(r"tests/\S+?\.py", last) if TESTED.fullmatch(last) else []


def lacks_a_test(module: str, source: str, files: Collection[str]) -> bool:
    """Returns whether a module has neither a mirrored test file nor a line that names test files that exist."""
    named = named_tests(source)
    return not set(named) <= set(files) or not (named or mirror_of(module) in files)


@pytest.mark.parametrize(
    ("docstring", "lacks"),
    [
        ("Does it.", True),
        ("Does it.\n\nTested by tests/hw/core/test_core.py.", False),
        ("Does it.\n\nTested by tests/hw/core/test_core.py and tests/hw/link/test_uart.py.", False),
        ("Does it.\n\nTested by tests/hw/core/test_core.py and tests/hw/link/test_gone.py.", True),
        ("Does it.\n\nTested by tests/hw/core/test_gone.py.", True),
        ("Does it.\n\nTested by hand.", True),
        ("Tested by tests/hw/core/test_core.py.\n\nDoes it.", True),
    ],
)
def test_a_module_without_a_test_is_found(docstring: str, lacks: bool) -> None:
    files = ("tests/hw/core/test_core.py", "tests/hw/link/test_uart.py", "tests/hw/stage/test_lanes.py")
    source = f'"""{docstring}"""\nX = 1'
    assert lacks_a_test("hw/firstspike_hw/stage/stage.py", source, files) == lacks
    assert lacks_a_test("hw/firstspike_hw/stage/lanes.py", source, files) == ("gone" in docstring)


def test_every_module_has_a_test_or_names_one() -> None:
    assert mirror_of("host/firstspike/examples.py") == "tests/host/test_examples.py"
    assert mirror_of("hw/firstspike_contract/core/boot.py") == "tests/contract/core/test_boot.py"
    files = {shown(path) for path in (ROOT / "tests").rglob("test_*.py")}
    modules = [path for path in SOURCES if path.name != "__init__.py"]
    assert [shown(path) for path in modules if lacks_a_test(shown(path), path.read_text(), files)] == []


def tiers() -> dict[str, list[str]]:
    """Returns the tiers of the Makefile: name -> paths."""
    return {
        name: paths.split()
        for name, paths in re.findall(r"^(\w+)_TESTS +:= (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    }


def test_every_test_belongs_to_one_tier() -> None:
    assert list(tiers()) == ["CONTRACT", "UNIT", "RTL", "HOST"]
    for path in sources_of_tests():
        if path.name.startswith("test_"):
            homes = [name for name, paths in tiers().items() if any(path.is_relative_to(ROOT / p) for p in paths)]
            assert len(homes) == 1, (shown(path), homes)
