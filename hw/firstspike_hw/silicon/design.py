"""A design as silicon sees it: text in Yosys' intermediate language, and the memories that lie in its block RAM."""

from collections.abc import Callable
from functools import cached_property

from .netlist import BlockMemory, block_memories

__all__ = ["Design"]


class Design:
    """What is synthesised, placed and routed: the module `top` and all that is in it.

    identity: stands for the text: two designs of one identity have the same. Making the text may take seconds, and is
              spared for a design that was routed before.
    """

    def __init__(self, identity: str, emit: Callable[[], str]) -> None:
        """emit: makes the text."""
        self.identity, self._emit = identity, emit

    @cached_property
    def rtlil(self) -> str:
        """The text."""
        return self._emit()

    @cached_property
    def memories(self) -> tuple[BlockMemory, ...]:
        """Its memories in block RAM, in the order of the text."""
        return tuple(block_memories(self.rtlil))
