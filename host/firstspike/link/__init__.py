"""Lines to a board, and what makes of them a reliable stream: frames, endpoints."""

from .endpoint import Endpoint, EndpointCounts
from .frames import Deframer, coded
from .line import BoardError, Line, LineLost

__all__ = ["BoardError", "Deframer", "Endpoint", "EndpointCounts", "Line", "LineLost", "coded"]
