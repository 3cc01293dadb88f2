"""The serial link in gateware: frames, sessions, messages (docs/protocol.md), without a processor in the way."""

from .link import Link

__all__ = ["Link"]
