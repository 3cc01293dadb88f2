"""How a board and the line to it are: state, versions, counters of both ends."""

from typing import Any

from firstspike_contract.core.register_map import LINK, link_offset, offset_of
from firstspike_contract.link.wire import Configuration

from .registers import Registers
from .session import Session

__all__ = ["status_of"]


def status_of(registers: Registers, session: Session) -> dict[str, Any]:
    """By name, those of the link as its registers are called. Raises SessionLost, BoardError."""
    names = [register.name for register in LINK]
    read = [*map(link_offset, names), *map(offset_of, ("STATUS", "IMAGES", "BUSY"))]
    *values, status, answered, busy = registers.read(read)
    of_link = {name.lower(): value for name, value in zip(names, values, strict=True)}
    state, low, high = (of_link.pop(name) for name in ("config", "config_name0", "config_name1"))
    known = Configuration._value2member_map_.get(state)
    return {
        "url": session.line.name,
        "configuration": known.name.lower() if isinstance(known, Configuration) else str(state),
        "loaded": f"{high << 32 | low:016x}",
        "idle": bool(status & 1),
        "images_answered": answered,
        "busy_cycles": busy,
        **of_link,
        "build_id": f"{of_link['build_id']:08x}",
        "host": {
            **vars(session.counters),
            "damaged": session.damaged,
            "sessions": session.opened,
            "reconnects": session.reconnects,
        },
    }
