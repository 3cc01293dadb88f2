"""Opens the line, and the board on it, that a URL written by the user names."""

import re
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from firstspike.link import BoardError, Line
from firstspike.link.faults import FaultyLine, parse_faults
from firstspike.link.framed import FramedTransport
from firstspike.link.serial_line import BAUDRATE, SerialLine
from firstspike.link.socket_line import SocketLine
from firstspike_contract import CONFIGS, UsageError
from firstspike_contract.common.names import choose, unknown
from firstspike_contract.common.progress import Progress, unheard

from .board import TIMEOUT, Board

__all__ = ["SCHEMES", "open_board", "open_line"]

SCHEMES: Final = ("sim:", "rtl:", "serial://", "socket://", "xdma:")
_EXAMPLE: Final = "for example serial:///dev/ttyUSB0?baudrate=3000000, socket://localhost:7521 or sim:"
# Further schemes that pyserial's serial_for_url opens: https://pyserial.readthedocs.io, URL handlers.
_PYSERIAL: Final = ("rfc2217", "loop", "hwgrep", "spy", "alt", "cp2110")


def open_board(url: str, *, timeout: float = TIMEOUT, progress: Progress = unheard) -> Board:
    """Opens the board at a URL; see docs/boards.md.

    timeout:  seconds without a result after which a stream raises BoardError.
    progress: called while simulated gateware is built, which takes minutes the first time.

    Raises UsageError if the URL is of an unknown kind. Raises BoardError if nothing answers, or if the port is in use,
    may not be used by this user, or leads to a board of another version.
    """
    line = open_line(url, progress)
    try:
        return Board(FramedTransport(line), timeout=timeout)
    except BaseException:  # an interrupt, too, must not leave the port open
        line.close()
        raise


def open_line(url: str, progress: Progress = unheard) -> Line:
    """Opens the line of a URL. See `open_board` for `progress` and for the errors UsageError and BoardError."""
    if re.fullmatch(r"(/|\./|\.\./|COM\d+$).*", url):
        url = f"serial://{url}"
    scheme, colon, _ = url.partition(":")
    if not colon:
        raise UsageError(f"a board is a URL, not {url!r}; {_EXAMPLE}")
    parts = urlsplit(url)
    settings = _settings(url, parts.query)
    faults = settings.pop("faults", None)
    line = _line(scheme, url, parts, settings, progress)
    if settings:
        raise UsageError(f"{url}: {unknown('setting', next(iter(settings)), _SETTINGS)}")
    return line if faults is None else FaultyLine(line, parse_faults(faults))


_SETTINGS: Final = ("baudrate", "faults", "upload")


def _line(scheme: str, url: str, parts: Any, settings: dict[str, str], progress: Progress) -> Line:
    """Opens the line of a scheme, and removes from `settings` those that it uses."""
    if scheme == "serial":
        return SerialLine(parts.netloc + parts.path, baudrate=_number(url, "baudrate", settings, BAUDRATE))
    if scheme == "socket":
        try:
            host, port = parts.hostname, parts.port
        except ValueError:
            host = port = None
        if not host or port is None:
            raise UsageError(f"{url}: a socket needs a host and a port; for example socket://localhost:7521")
        return SocketLine(host, port)
    if scheme in ("sim", "rtl"):
        core = choose("core", parts.path or "fast", CONFIGS)
        baudrate = (_number(url, "baudrate", settings, 0) or None) if scheme == "sim" else None
        return _simulated(scheme, url, core, baudrate, slow=_upload(url, settings) == "uart", progress=progress)
    if scheme == "xdma":
        raise BoardError(f"{url}: this version does not open boards on PCI Express; use a serial line, {_EXAMPLE}")
    if scheme in _PYSERIAL:
        return SerialLine(url.partition("?")[0], baudrate=_number(url, "baudrate", settings, BAUDRATE))
    raise UsageError(f"{unknown('kind of board', scheme, [s.rstrip(':/') for s in SCHEMES])}; {_EXAMPLE}")


def _upload(url: str, settings: dict[str, str]) -> str:
    way = settings.pop("upload", "quick")
    if way not in ("quick", "uart"):
        raise UsageError(f"{url}: {unknown('way to upload', way, ('quick', 'uart'))}")
    return way


def _simulated(scheme: str, url: str, core: str, baudrate: int | None, *, slow: bool, progress: Progress) -> Line:
    from firstspike.virtual import ModelBoard, VirtualLine

    if scheme == "rtl":
        from firstspike.virtual.rtl_line import RtlLine
        from firstspike_sim.rtl.board import RtlBoard

        return RtlLine(RtlBoard(CONFIGS[core], progress=progress), url, shortcut=not slow)
    return VirtualLine(ModelBoard(CONFIGS[core]), url, baudrate=baudrate)


def _settings(url: str, query: str) -> dict[str, str]:
    try:
        return dict(parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query)))
    except ValueError:
        raise UsageError(f"{url}: settings are name=value, with & between them; {_EXAMPLE}") from None


def _number(url: str, name: str, settings: dict[str, str], default: int) -> int:
    text = settings.pop(name, str(default))
    if not text.isdecimal() or (int(text) == 0 and default):
        raise UsageError(f"{url}: {name} must be a positive number, not {text!r}; for example {name}=3000000")
    return int(text)
