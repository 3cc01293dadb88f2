"""The table of boards over serial lines, good and bad."""

from collections.abc import Sequence
from typing import Final

from records import Record

from .text import Columns, captioned, number, percent

__all__ = ["bad_lines", "link"]

PACED: Final = ("12-mbaud", "rtl-upload")  # labels of lines that carry no more than a real line


def spread(record: Record, name: str) -> str:
    """Returns median and 99th percentile; empty for a line without faults."""
    if not record.get("faults"):
        return ""
    return f"{record[f'{name}_p50']:.0f}, {record[f'{name}_p99']:.0f}"


LINK: Final[Columns] = (
    ("line", lambda r: r["label"].removeprefix("rtl-").removeprefix("fault-")),
    ("far end", lambda r: r.get("backend", "model")),
    ("images", lambda r: number(r["images"])),
    ("wrong, lost or doubled", lambda r: number(r.get("wrong_lost_duplicated", r.get("mismatches")))),
    ("images/s", lambda r: number(round(r["images_per_second"])) if "images_per_second" in r else ""),
    ("images: share of the line", lambda r: percent(r["share_of_line"]) if r["label"] == "12-mbaud" else ""),
    ("upload: share of the line", lambda r: percent(r["upload_share_of_line"]) if r["label"] in PACED else ""),
    ("protocol, share of an image's bytes", lambda r: percent(r.get("overhead_per_image"))),
    ("pause after a fault, ms: median, p99", lambda r: spread(r, "recover_ms")),
)


def bad_lines(records: Sequence[Record]) -> list[Record]:
    """Returns the records of lines with faults, and of the lines without faults that stand beside them."""
    return [r for r in records if "wrong_lost_duplicated" in r]


def link(records: Sequence[Record]) -> str | None:
    """Returns the table of images over serial lines."""
    note = (
        "MNIST digits, 98 bytes each, through a virtual board at a pseudo-terminal; no board was at hand. A bad line "
        "is bad in both directions, and the network is loaded over it too. The field `rate` below says how bad each "
        "line is. The gateware (`rtl`) is simulated with its UART at 4 clock cycles a bit, and its times are those of "
        "a 48 MHz clock. The share of the line is the part of the bytes that the line can carry."
    )
    return captioned(LINK, records, note)
