"""The buses at the top of the core: AXI4-Stream beats and AXI4-Lite.

Tested by tests/hw/core/test_core.py.
"""

from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["AXI_LITE", "axis_layout"]


def axis_layout() -> data.StructLayout:
    """A beat of AXI4-Stream.

    data: 32 bits, the lowest byte first.
    last: the beat ends a packet.
    """
    return data.StructLayout({"data": 32, "last": 1})


# AXI4-Lite for 4 KiB of registers. Directions are those of the side that makes the accesses.
AXI_LITE = wiring.Signature(
    {
        "awaddr": Out(12),
        "awvalid": Out(1),
        "awready": In(1),
        "wdata": Out(32),
        "wstrb": Out(4),
        "wvalid": Out(1),
        "wready": In(1),
        "bresp": In(2),
        "bvalid": In(1),
        "bready": Out(1),
        "araddr": Out(12),
        "arvalid": Out(1),
        "arready": In(1),
        "rdata": In(32),
        "rresp": In(2),
        "rvalid": In(1),
        "rready": Out(1),
    }
)
