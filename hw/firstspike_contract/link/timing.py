"""Clock and serial line of a board, and the pace at which both ends of a session send (docs/protocol.md, streams).

Tested by tests/host/link/test_endpoint.py and tests/hw/link/test_sending.py.
"""

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

CLOCK_HZ: Final = 48_000_000  # default of boards that do not state a clock, simulated boards included
DIVISOR: Final = 16  # clock cycles per bit of the serial line: 3 Mbaud
LEAST_DIVISOR: Final = 4  # with fewer cycles per bit, a bit is not sampled near its middle
BITS_PER_BYTE: Final = 10  # on the serial line: one start bit, eight data bits, one stop bit

NUMBER_BITS: Final = 16  # width of the number that a byte has in its stream
NUMBERS: Final = 2**NUMBER_BITS
SMALLEST_PAYLOAD: Final = 128  # bytes of payload that frames shrink to on a line with many faults
CALM: Final = 64  # acknowledgements in a row after which the payload grows again
BACKOFF_MAX: Final = 5  # most doublings of the wait for an acknowledgement
