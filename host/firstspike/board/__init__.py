"""One API for every board: open a line, load a network, stream images."""

from firstspike.link import BoardError

from .board import Board
from .results import Answers, Result

__all__ = ["Answers", "Board", "BoardError", "Result"]
