"""Writes the generated tables of docs/core.md and docs/protocol.md: ``python -m firstspike_hw.emit.pages``."""

import sys
from pathlib import Path
from typing import Final

from firstspike_contract.core.register_map import link_markdown, markdown
from firstspike_contract.link import wire

__all__ = ["PAGES", "main", "with_tables"]

PAGES: Final = {
    "docs/core.md": markdown,
    "docs/protocol.md": lambda: f"{wire.markdown()}\n## Registers of the link\n\n{link_markdown()}",
}
_BEGIN, _END = "<!-- generated from ", "<!-- end -->"


def with_tables(page: str, tables: str) -> str:
    """The page with its tables made anew. Raises ValueError if the page has no place for them."""
    before, rest = page.split(_BEGIN)
    line, _, rest = rest.partition("\n")
    return f"{before}{_BEGIN}{line}\n{tables}{_END}{rest.split(_END)[1]}"


def main(arguments: list[str]) -> int:
    root = Path(arguments[0] if arguments else ".")
    for name, tables in PAGES.items():
        path = root / name
        path.write_text(with_tables(path.read_text(), tables()))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
