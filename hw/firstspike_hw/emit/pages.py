"""Writes the generated tables of docs/core.md and docs/protocol.md: ``python -m firstspike_hw.emit.pages``."""

import sys
from pathlib import Path
from typing import Final

from firstspike_contract.core.config import CONFIGS
from firstspike_contract.core.register_map import link_markdown, markdown
from firstspike_contract.link import wire

__all__ = ["PAGES", "cores_markdown", "main", "with_tables"]


def cores_markdown() -> str:
    """Returns a table of the cores that ship: what each can hold, layer by layer."""
    lines = [
        "| core | inputs | T | neurons of each layer, lanes | kernels | learns |",
        "|---|---|---|---|---|---|",
    ]
    for name, core in CONFIGS.items():
        stages = "; ".join(f"{stage.lanes * stage.max_rows:,}, {stage.lanes} lanes" for stage in core.stages)
        kernels = ", ".join(f"`{kernel}`" for kernel in core.stages[0].kernels)
        learns = "yes" if core.learns else "no"
        inputs = min(core.addresses, core.stages[0].inputs)
        lines.append(f"| `{name}` | {inputs:,} | {core.max_steps} | {stages} | {kernels} | {learns} |")
    return "\n".join(lines) + "\n"


PAGES: Final = {
    "docs/core.md": lambda: f"{markdown()}\n## The cores that ship\n\n{cores_markdown()}",
    "docs/protocol.md": lambda: f"{wire.markdown()}\n## Registers of the link\n\n{link_markdown()}",
}
_BEGIN, _END = "<!-- generated from ", "<!-- end -->"


def with_tables(page: str, tables: str) -> str:
    """Returns the page with its tables generated anew. Raises ValueError unless it marks where they begin and end."""
    before, rest = page.split(_BEGIN)
    line, _, rest = rest.partition("\n")
    _, after = rest.split(_END)
    return f"{before}{_BEGIN}{line}\n{tables}{_END}{after}"


def main(arguments: list[str]) -> int:
    root = Path(arguments[0] if arguments else ".")
    for name, tables in PAGES.items():
        path = root / name
        path.write_text(with_tables(path.read_text(), tables()))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
