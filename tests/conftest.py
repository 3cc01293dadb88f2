"""Which tests run by default, and what the summary says about this machine."""

import os
from pathlib import Path

import pytest

from firstspike.cli.tools import missing

ROOT = Path(__file__).parents[1]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Slow and long tests run when asked for (`-m slow`); tests on grey-level MNIST when `make data` has run."""
    # where they must run (CI), they are not skipped: they fail by themselves
    has_grey = (ROOT / "data" / "mnist").is_dir() or bool(os.environ.get("CI"))
    for item in items:
        for name in ("slow", "long"):
            if item.get_closest_marker(name) and name not in config.option.markexpr:
                item.add_marker(pytest.mark.skip(reason=f"{name}: make test-{name}"))
        if item.get_closest_marker("grey") and not has_grey:
            item.add_marker(pytest.mark.skip(reason="needs grey-level MNIST: make data"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name the programs that this machine lacks, whether or not a test wanted them."""
    absent = missing()
    terminalreporter.section("programs from outside Python")
    for tool in absent:
        terminalreporter.write_line(f"not installed: {tool.names[0]} (apt-get install {tool.debian}); {tool.used}")
    if not absent:
        terminalreporter.write_line("all installed")
