"""The gateware's source text, which identifies a cached Verilog text or a routed design."""

from pathlib import Path

import firstspike_contract
import firstspike_hw

__all__ = ["gateware_sources"]


def gateware_sources() -> list[str]:
    """Returns the text of every file that the gateware is made of, in a fixed order, without Amaranth's version."""
    found = []
    for package in (firstspike_contract, firstspike_hw):
        root = Path(str(package.__file__)).parent
        found += [p.read_text("utf-8") for p in sorted(root.rglob("*")) if p.suffix in (".py", ".lpf", ".pcf")]
    return found
