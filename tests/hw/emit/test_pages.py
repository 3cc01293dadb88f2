"""The documentation pages show the registers and layouts of the source."""

from pathlib import Path

import pytest

from firstspike_hw.emit.pages import PAGES, with_tables

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("name", PAGES)
def test_the_pages_show_the_layouts(name: str) -> None:
    page = (ROOT / name).read_text()
    assert with_tables(page, PAGES[name]()) == page, "the page is out of date; run: python -m firstspike_hw.emit.pages"
