"""Boards without hardware: a model or simulated gateware, at the far end of a line, a terminal or a socket."""

from .line import VirtualLine
from .model_board import ModelBoard

__all__ = ["ModelBoard", "VirtualLine"]
