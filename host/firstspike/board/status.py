"""Collects the state, the versions and the counters of a board and of the link to it."""

from typing import Any

from firstspike.link.transport import Transport
from firstspike_contract.core.register_map import GLOBAL, LINK, link_offset, offset_of
from firstspike_contract.link.wire import NAME, Configuration

__all__ = ["status_of"]


def status_of(transport: Transport) -> dict[str, Any]:
    """Returns them by name. Values from the link's registers have the registers' names in lower case.

    Raises TransportLost, BoardError.
    """
    names = [register.name for register in LINK]
    addresses = [*map(link_offset, names), *map(offset_of, ("STATUS", "IMAGES", "BUSY"))]
    *values, status, answered, busy = transport.registers.read(addresses)
    of_link = {name.lower(): value for name, value in zip(names, values, strict=True)}
    config, low, high = (of_link.pop(name) for name in ("config", "config_name0", "config_name1"))
    state = LINK["CONFIG"].unpack(config)["state"]
    known = Configuration._value2member_map_.get(state)
    return {
        "url": transport.name,
        "configuration": known.name.lower() if isinstance(known, Configuration) else str(state),
        "loaded": f"{NAME.pack(low=low, high=high):016x}",
        "idle": bool(GLOBAL["STATUS"].unpack(status)["idle"]),
        "images_answered": answered,
        "busy_cycles": busy,
        **of_link,
        "build_id": f"{of_link['build_id']:08x}",
        "host": transport.figures(),
    }
