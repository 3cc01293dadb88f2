"""A design to place and route: RTLIL, the text in Yosys' intermediate language, and the memories in its block RAM.

Tested by tests/hw/emit/test_designs.py and tests/host/cli/test_build.py.
"""

from collections.abc import Callable
from functools import cached_property

from .netlist import BlockMemory, block_memories

__all__ = ["Design"]


class Design:
    """A design to synthesise, place and route: the module `top` and all modules in it.

    identity: string that stands for the text. Two designs with one identity have the same text. Generating the text
              may take seconds; a design that was routed before is found by its identity alone.
    """

    def __init__(self, identity: str, emit: Callable[[], str]) -> None:
        """emit: generates the text."""
        self.identity, self._emit = identity, emit

    @cached_property
    def rtlil(self) -> str:
        """The design as RTLIL text, generated when it is first read."""
        return self._emit()

    @cached_property
    def memories(self) -> tuple[BlockMemory, ...]:
        """The design's memories in block RAM, in the order of the text."""
        return tuple(block_memories(self.rtlil))
