"""The emitted Verilog has the ports that docs/core.md promises, is reproducible, and clears memories in loops."""

import re
from pathlib import Path

import pytest
from core_configs import small_config

from firstspike_hw.emit.verilog import emit, main

DOCS = Path(__file__).parents[3] / "docs" / "core.md"


@pytest.fixture(scope="module")
def text() -> str:
    return emit(small_config(), name="a_core")


def test_the_top_has_the_ports_of_docs_core_md(text) -> None:
    top = text[text.index("module a_core(") :]
    ports = set(re.search(r"module a_core\(([^)]*)\)", top)[1].replace(" ", "").replace("\n", "").split(","))
    page = DOCS.read_text().partition("## Ports")[2].partition("## Images")[0]
    promised = set()
    for group in re.findall(r"^\| (.*?) \|", page, re.MULTILINE):
        for names in re.findall(r"`([^`]+)`", group):
            first, *others = names.split("/")
            prefix = re.match(r"[a-z]_ax[a-z]+_|", first)[0]
            promised |= {first, *(prefix + other for other in others)}
    assert ports == promised


def test_the_text_is_reproducible(text) -> None:
    assert emit(small_config(), name="a_core") == text


def test_memories_are_cleared_in_loops(text) -> None:
    assert "integer i;" in text
    assert not re.search(r"^    \S+ ?\[\d+\] = \d+'h0+;", text, re.MULTILINE)


def test_an_unknown_core_is_refused(capsys) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["huge"])
    assert ended.value.code == 2
    assert "invalid choice: 'huge' (choose from" in capsys.readouterr().err
