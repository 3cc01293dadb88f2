"""Chooses the tests that run by default, and adds the missing programs of this machine to the summary."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from firstspike.cli.tools import missing

# No verdict depends on the clock: an example may take as long as the machine needs.
settings.register_profile("firstspike", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("firstspike")

ROOT = Path(__file__).parents[1]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skips slow and long tests unless `-m` names them, and tests on grey-level MNIST unless `make data` has run."""
    # In CI the tests on grey-level MNIST are never skipped: without the data they must fail.
    has_grey = (ROOT / "data" / "mnist").is_dir() or bool(os.environ.get("CI"))
    for item in items:
        for name in ("slow", "long"):
            if item.get_closest_marker(name) and name not in config.option.markexpr:
                item.add_marker(pytest.mark.skip(reason=f"{name}: make test-{name}"))
        if item.get_closest_marker("grey") and not has_grey:
            item.add_marker(pytest.mark.skip(reason="needs grey-level MNIST: make data"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Names the programs that this machine lacks, whether or not a test needed them."""
    absent = missing()
    terminalreporter.section("programs from outside Python")
    for tool in absent:
        terminalreporter.write_line(f"not installed: {tool.names[0]} (apt-get install {tool.debian}); {tool.used}")
    if not absent:
        terminalreporter.write_line("all installed")
