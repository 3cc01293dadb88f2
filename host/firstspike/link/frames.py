"""Turns frames into bytes for a line and back: adds COBS and the delimiter to the frames of `link.wire`."""

from cobs import cobs

from firstspike_contract.link.wire import CRC, DELIMITER, FRAME, PAYLOAD_MAX, Frame, parse_frame

__all__ = ["CODED_MAX", "Deframer", "coded"]

_PLAIN_MAX = FRAME.size + PAYLOAD_MAX + CRC.size
CODED_MAX = _PLAIN_MAX + _PLAIN_MAX // 254 + 1  # bytes of the longest coded frame, without its delimiter


def coded(frame: Frame) -> bytes:
    """Returns the bytes of a frame on the line, its delimiter included."""
    return cobs.encode(frame.to_bytes()) + DELIMITER


class Deframer:
    """Cuts the bytes from a line into frames, whatever pieces they come in.

    good: number of valid frames so far.
    bad:  number of pieces between delimiters that were no valid frame. The bytes before the first delimiter may be the
          end of a frame and can count as bad.
    """

    def __init__(self) -> None:
        self.good = self.bad = 0
        self._piece = b""  # beginning of a frame whose delimiter has not come
        self._overlong = False

    def feed(self, data: bytes) -> list[Frame | None]:
        """Returns the frames that these bytes complete, and None for each damaged one. Ignores repeated delimiters."""
        *whole, rest = (self._piece + data).split(DELIMITER)
        frames = [self._frame(piece) for piece in whole if piece or self._overlong]
        if len(rest) > CODED_MAX:  # no frame is that long: drop the bytes, remember that there were too many
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
