"""Clock and line of a board, and how both ends of a session pace what they send (docs/protocol.md, streams)."""

from typing import Final

__all__ = [
    "BACKOFF_MAX",
    "BITS_PER_BYTE",
    "CALM",
    "CLOCK_HZ",
    "DIVISOR",
    "LEAST_DIVISOR",
    "NUMBERS",
    "NUMBER_BITS",
    "SMALLEST_PAYLOAD",
]

CLOCK_HZ: Final = 48_000_000  # of a board that says nothing else, simulated ones among them
DIVISOR: Final = 16  # clock cycles per bit of its line: 3 Mbaud
LEAST_DIVISOR: Final = 4  # with fewer cycles per bit, a bit is not sampled near its middle
BITS_PER_BYTE: Final = 10  # on the line: start, eight of data, stop

NUMBER_BITS: Final = 16  # of the number of a byte in its stream
NUMBERS: Final = 2**NUMBER_BITS
SMALLEST_PAYLOAD: Final = 128  # bytes, on a line of many faults
CALM: Final = 64  # acknowledgements in a row before the payload grows again
BACKOFF_MAX: Final = 5  # doublings of the time to wait for an acknowledgement
