"""Layouts of the contract as gateware sees them: a field is a signal, and words are put together from fields."""

from enum import IntFlag
from functools import reduce
from operator import or_
from typing import Any, Final

from amaranth.hdl import Cat, Const, Value, signed, unsigned
from amaranth.lib import data

from firstspike_contract.common.layout import Field, Layout
from firstspike_contract.core.stream_format import IMAGE_HEADER, RESULT_PACKET, Header, ResultFlag

__all__ = ["HEADER_FLAGS", "RESULT_FLAGS", "after_byte", "merged", "packed", "seen_as", "structure"]


def structure(layout: Layout) -> data.Layout:
    """A layout of the contract as Amaranth's: the same fields at the same places, reserved bits without a name."""
    places = {f.name: data.Field(signed(f.bits) if f.signed else unsigned(f.bits), f.lsb) for f in layout}
    return data.FlexibleLayout(layout.bits, places)


def _flags_layout(flags: type[IntFlag], bits: int) -> Layout:
    """Flags as fields of one bit, named in lower case; bits: of the word that they are in."""
    fields = (Field(name=str(flag.name).lower(), bits=1, lsb=flag.bit_length() - 1) for flag in flags)
    return Layout(flags.__name__, *fields, bits=bits)


def seen_as(layout: Layout, value: Any) -> Any:
    """The fields of a value of the layout's width."""
    return data.View(structure(layout), value)


def packed(layout: Layout, **fields: Any) -> Value:
    """A word of the layout from its fields, numbers or signals no wider than they; those not named are 0.

    Raises KeyError for a field that is not there, ValueError for one that is too wide.
    """
    parts: list[Value] = []
    at = 0
    for field in layout:
        value = fields.pop(field.name, 0)
        part = Const(value, field.bits) if isinstance(value, int) else Value.cast(value)
        if (isinstance(value, int) and not field.smallest <= value <= field.largest) or len(part) > field.bits:
            raise ValueError(f"{layout.name}.{field.name} has {field.bits} bits, too few for {value!r}")
        parts += [Const(0, field.lsb - at), part if len(part) == field.bits else Const(0, field.bits) | part]
        at = field.end
    if fields:
        raise KeyError(f"{layout.name} has no field {min(fields)}")
    return Cat(part for part in [*parts, Const(0, layout.bits - at)] if len(part))


def merged(layout: Layout, **fields: Any) -> Value:
    """`packed` by "or", as the netlists of routed cores were made: mapping to tables depends on such things."""
    return reduce(or_, (Value.cast(v) << layout[name].lsb if layout[name].lsb else v for name, v in fields.items()))


def after_byte(record: Any, byte: Any) -> Value:
    """A record that comes byte by byte, its first byte lowest, once another byte has come."""
    return Cat(Value.cast(record)[8:], byte)


HEADER_FLAGS: Final = _flags_layout(Header, IMAGE_HEADER["flags"].bits)
RESULT_FLAGS: Final = _flags_layout(ResultFlag, RESULT_PACKET["flags"].bits)
