"""Lines to a board, and the frames and endpoints that turn a line into a reliable stream."""

from .endpoint import Endpoint, EndpointCounts
from .frames import Deframer, coded
from .line import BoardError, Line, LineLost

__all__ = ["BoardError", "Deframer", "Endpoint", "EndpointCounts", "Line", "LineLost", "coded"]
