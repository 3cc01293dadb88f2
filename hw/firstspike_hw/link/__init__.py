"""The serial link in gateware, without a processor: frames, sessions, messages (docs/protocol.md)."""

from .link import Link

__all__ = ["Link"]
