"""The loops over all neurons of a layer (numba). Callers guarantee every index; this file checks none.

Indices are unsigned. Numba then leaves out its test for negative indices, and LLVM vectorises the loops.

Numba's cache watches only the file of the cached function (kernel.py, learn_kernel.py). The constant `HELPERS` there
must name the version of this file and of layout.py, whose tuples the compiled code takes; a test checks it.

Tested by tests/sim/model/test_fast.py.
"""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import njit, types
from numba.extending import intrinsic

__all__ = ["add_rows", "advance", "cached", "compiled", "find", "inlined", "lowest"]

WORD: Final = 64  # neurons in a word of bits; layers are padded to whole words

# The code allocates nothing, so reference counts are switched off (_nrt): counting atomically took half the time of an
# image.
_OPTIONS: Final[dict[str, Any]] = {"nogil": True, "error_model": "numpy", "_nrt": False}
compiled: Final[Any] = njit(**_OPTIONS)
inlined: Final[Any] = njit(**_OPTIONS, inline="always")  # a call would pass a hundred words of ModelPlan and Scratch


def cached(version: str) -> Callable[[Callable[..., Any]], Any]:
    """Returns a decorator that compiles a function like `compiled` and keeps the code between runs.

    version: version of the other files that the function calls.

    The version is part of the name of the kept code. Numba unpickles kept code before it checks whether the code is
    still valid, and fails if a type no longer exists; code of another version must therefore have another name.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        function.__qualname__ = f"{function.__qualname__}_{version}"
        return njit(**_OPTIONS, cache=True)(function)

    return decorate


@compiled
def add_rows(total, at, width, weights, base, slots, first, count, zeros, gain):
    """Computes total[at + j] += gain * sum of weights[row, j] over `count` rows, whose numbers begin at slots[first].

    It adds four rows in a pass, to load and store `total` less often. The last pass is filled up with the row `zeros`.
    """
    n, o, b = np.uintp(width), np.uintp(at), np.uintp(base)
    for k in range(first + count, first + count + 3):
        slots[np.uintp(k)] = zeros
    for p in range(np.uintp(first), np.uintp(first + count), np.uintp(4)):
        b0 = b + np.uintp(slots[p]) * n
        b1 = b + np.uintp(slots[p + np.uintp(1)]) * n
        b2 = b + np.uintp(slots[p + np.uintp(2)]) * n
        b3 = b + np.uintp(slots[p + np.uintp(3)]) * n
        if gain == 1:
            for j in range(n):
                total[o + j] += weights[b0 + j] + weights[b1 + j] + weights[b2 + j] + weights[b3 + j]
        else:
            for j in range(n):
                total[o + j] += (weights[b0 + j] + weights[b1 + j] + weights[b2 + j] + weights[b3 + j]) * gain


@compiled
def advance(v, slope, at, width, dm):
    """Computes v += slope * dm for `width` neurons from `at` on."""
    o = np.uintp(at)
    for j in range(np.uintp(width)):
        v[o + j] += slope[o + j] * dm


@compiled
def find(values, at, width, low, high, found):
    """Writes the neurons j with low < values[at + j] <= high to `found`, ascending, and returns their number."""
    count, block = np.uintp(0), np.uintp(0)
    below, upto = values.dtype.type(low), values.dtype.type(high)
    while block < np.uintp(width):
        bits: Any = _between(values, np.uintp(at) + block, below, upto)  # type: ignore[call-arg]
        while bits:
            found[count] = block + lowest(bits)
            count += np.uintp(1)
            bits &= bits - np.uint64(1)
        block += np.uintp(WORD)
    return np.int64(count)


@intrinsic
def _between(typing, values, start, low, high):
    """Returns a uint64 whose bit j says low < values[start + j] <= high; takes a few vector instructions."""
    item = values.dtype

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        element = context.get_value_type(item)
        vector = ir.VectorType(element, WORD)
        array = context.make_array(values)(context, builder, args[0])
        pointer = builder.gep(array.data, [args[1]], source_etype=element)
        block = builder.load(builder.bitcast(pointer, vector.as_pointer()), align=item.bitwidth // 8, typ=vector)
        above = builder.icmp_signed(">", block, _everywhere(builder, vector, args[2]))
        upto = builder.icmp_signed("<=", block, _everywhere(builder, vector, args[3]))
        return builder.bitcast(builder.and_(above, upto), ir.IntType(WORD))

    return types.uint64(values, types.uintp, item, item), generate


def _everywhere(builder: Any, vector: Any, value: Any) -> Any:
    """Returns a vector of equal elements, in LLVM's idiom."""
    undefined, index = ir.Constant(vector, ir.Undefined), ir.IntType(32)
    one = builder.insert_element(undefined, value, ir.Constant(index, 0))
    return builder.shuffle_vector(one, undefined, ir.Constant(ir.VectorType(index, vector.count), None))


@intrinsic
def lowest(typing, bits):
    """Returns the number of the lowest set bit of a uint64 that is not 0."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.uint64(types.uint64), generate
