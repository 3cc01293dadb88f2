"""Lines to a board, and what makes of them a reliable stream: frames, endpoints."""

from .endpoint import Counters, Endpoint
from .frames import Deframer, coded
from .line import BoardError, Line, LineLost

__all__ = ["BoardError", "Counters", "Deframer", "Endpoint", "Line", "LineLost", "coded"]
