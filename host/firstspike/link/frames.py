"""Bytes of a line to frames and back: COBS and the delimiter around `contract.wire`."""

from cobs import cobs

from firstspike_contract.link.wire import CRC, DELIMITER, FRAME, PAYLOAD_MAX, Frame, parse_frame

__all__ = ["CODED_MAX", "Deframer", "coded"]

_PLAIN_MAX = FRAME.size + PAYLOAD_MAX + CRC.size
CODED_MAX = _PLAIN_MAX + _PLAIN_MAX // 254 + 1  # bytes of the longest frame between two delimiters


def coded(frame: Frame) -> bytes:
    """The frame as it goes over a line, its delimiter included."""
    return cobs.encode(frame.to_bytes()) + DELIMITER


class Deframer:
    """Cuts what a line gives into frames, however it comes in pieces.

    good, bad: frames so far. What comes before the first delimiter may be the end of anything, and counts as bad
    like every other piece that is no frame.
    """

    def __init__(self) -> None:
        self.good = self.bad = 0
        self._piece = b""  # of a frame whose delimiter has not come
        self._overlong = False

    def feed(self, data: bytes) -> list[Frame | None]:
        """Frames completed by these bytes, None for each that was damaged; nothing for two delimiters in a row."""
        *whole, rest = (self._piece + data).split(DELIMITER)
        frames = [self._frame(piece) for piece in whole if piece or self._overlong]
        if len(rest) > CODED_MAX:  # no frame is as long: keep only the fact
            rest, self._overlong = b"", True
        self._piece = rest
        return frames

    def _frame(self, piece: bytes) -> Frame | None:
        frame = None
        if not self._overlong:
            try:
                frame = parse_frame(cobs.decode(piece))
            except cobs.DecodeError:
                frame = None
        self._overlong = False
        self.good += frame is not None
        self.bad += frame is None
        return frame
