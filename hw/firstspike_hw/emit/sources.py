"""The source that the gateware's text is made of: what a kept text or a routed design is known by."""

from pathlib import Path

import firstspike_contract
import firstspike_hw

__all__ = ["gateware_sources"]


def gateware_sources() -> list[str]:
    """Text of every file that the gateware is made of, in a fixed order; the language's version is not among it."""
    found = []
    for package in (firstspike_contract, firstspike_hw):
        root = Path(str(package.__file__)).parent
        found += [p.read_text("utf-8") for p in sorted(root.rglob("*")) if p.suffix in (".py", ".lpf", ".pcf")]
    return found
