"""Layouts of the contract for gateware: a field is read as a signal, and a word is put together from fields."""

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
    """Returns a layout of the contract as an Amaranth layout: fields keep their places, reserved bits have no name."""
    places = {f.name: data.Field(signed(f.bits) if f.signed else unsigned(f.bits), f.lsb) for f in layout}
    return data.FlexibleLayout(layout.bits, places)


def _flags_layout(flags: type[IntFlag], bits: int) -> Layout:
    """Returns a layout of `bits` bits in which each flag is a field of one bit, named in lower case."""
    fields = (Field(name=str(flag.name).lower(), bits=1, lsb=flag.bit_length() - 1) for flag in flags)
    return Layout(flags.__name__, *fields, bits=bits)


def seen_as(layout: Layout, value: Any) -> Any:
    """Returns a view of the fields of `value`, which is as wide as the layout."""
    return data.View(structure(layout), value)


def packed(layout: Layout, **fields: Any) -> Value:
    """Returns a word of the layout, put together from its fields; fields that are not given are 0.

    `fields` holds a number or a signal for each name, no wider than the field. Raises KeyError if the layout has no
    such field, ValueError if a number or signal is too wide.
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
    """Returns a word as `packed` does, but puts it together by "or".

    The netlists of routed cores were made in this way, and their mapping to tables depends on it.
    """
    return reduce(or_, (Value.cast(v) << layout[name].lsb if layout[name].lsb else v for name, v in fields.items()))


def after_byte(record: Any, byte: Any) -> Value:
    """Returns a record after one more of its bytes has come; the first byte ends up lowest."""
    return Cat(Value.cast(record)[8:], byte)


HEADER_FLAGS: Final = _flags_layout(Header, IMAGE_HEADER["flags"].bits)
RESULT_FLAGS: Final = _flags_layout(ResultFlag, RESULT_PACKET["flags"].bits)
