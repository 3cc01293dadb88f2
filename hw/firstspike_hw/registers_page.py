"""Writes the register tables of docs/core.md: ``python -m firstspike_hw.registers_page docs/core.md``."""

import sys
from pathlib import Path

from firstspike_hw.contract.register_map import markdown

__all__ = ["main", "with_tables"]

_BEGIN, _END = "<!-- generated from register_map.py", "<!-- end -->"


def with_tables(page: str) -> str:
    """The page with its register tables made anew. Raises ValueError if the page has no place for them."""
    before, rest = page.split(_BEGIN)
    line, _, rest = rest.partition("\n")
    return f"{before}{_BEGIN}{line}\n{markdown()}{_END}{rest.split(_END)[1]}"


def main(arguments: list[str]) -> int:
    path = Path(arguments[0] if arguments else "docs/core.md")
    path.write_text(with_tables(path.read_text()))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
