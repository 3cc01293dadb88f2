"""One interface to every board: open it, load a network, stream images."""

from firstspike.link import BoardError

from .asynchronous import AsyncBoard
from .board import Board, LearningLost
from .opening import open_board, open_line
from .results import Answers, Result

__all__ = ["Answers", "AsyncBoard", "Board", "BoardError", "LearningLost", "Result", "open_board", "open_line"]
