"""The documentation pages show the registers and layouts as they are."""

from pathlib import Path

import pytest

from firstspike_hw.emit.pages import PAGES, with_tables

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("name", PAGES)
def test_the_pages_show_the_layouts(name: str) -> None:
    page = (ROOT / name).read_text()
    assert with_tables(page, PAGES[name]()) == page, "run: python -m firstspike_hw.emit.pages"
