"""Random bits of on-chip learning: a pure function of seed, image count, layer, input and neuron.

The function suits hardware that changes one weight row a cycle, in any number of lanes, without a multiplier:

1. `image_state`, once an image: 32 rounds of Simon128 (Beaulieu et al., ePrint 2013/404: shifts, "and", "exclusive or")
   over the seed and the count of learning images.
2. `row_state`, once a weight row: each set bit of the row's address adds its key to the state, without carries. Five
   more rounds make the result non-linear in the image. The result is a word `u` of 64 bits and a word `v` of 63 bits.
3. `chances`, for all neurons at once: bit n of a sequence is ``u[n mod 64] ^ v[n mod 63]``, and random bit k of neuron
   j is bit ``j + 806 k`` of the sequence. A lane reads fixed bits of `u` and `v`, which are rotated by the number of
   lanes from one row of neurons to the next; so the number of lanes does not change the bits. A synapse moves if its
   first p bits are 1, which happens with probability 2^-p.

64 and 63 have no common divisor, so the sequence repeats only after 4,032 bits.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "CHANCE_MAX",
    "INPUT_BITS",
    "LAYER_BITS",
    "ROW_ROUNDS",
    "START",
    "STATE_ROUNDS",
    "TAP_STEP",
    "U_BITS",
    "V_BITS",
    "chances",
    "image_state",
    "row_key",
    "row_state",
    "simon_round",
]

State = tuple[int, int]

CHANCE_MAX: Final = 5  # largest p
INPUT_BITS: Final = 16  # low bits of the address of a weight row: its number within the layer
LAYER_BITS: Final = 4  # the bits above: the number of the layer, 0 for the first
STATE_ROUNDS: Final = 32
ROW_ROUNDS: Final = 5

U_BITS: Final = 64
V_BITS: Final = 63
TAP_STEP: Final = 806  # distance between a neuron's bits; neurons nearer than that have independent bits

_WORD: Final = 2**64 - 1
START: Final = 0x9E3779B97F4A7C15  # 2^64 / golden ratio: has no symmetry that the rounds would preserve


def _left(word: int, count: int) -> int:
    return (word << count | word >> (64 - count)) & _WORD


def simon_round(state: State, key: int) -> State:
    """Returns the state after one Feistel round of Simon128 on two words of 64 bits. A new bit depends on four bits."""
    x, y = state
    return y ^ (_left(x, 1) & _left(x, 8)) ^ _left(x, 2) ^ key, x


def image_state(seed: int, count: int) -> State:
    """Returns the state of an image, two words of 64 bits. seed, count: 32 bits each. A round's key is its number."""
    state = (seed | count << 32, START)
    for number in range(STATE_ROUNDS):
        state = simon_round(state, number)
    return state


def _sparse_key(bit: int) -> State:
    """Returns two words in which about every fourth bit is set, so that a bit of a row's key is the sum of few bits."""
    (x, y), (other_x, other_y) = (image_state(bit, 2**32 - n) for n in (1, 2))
    return x & other_x, y & other_y


# The key of each bit of a row's address (layer << INPUT_BITS | row).
_KEYS: Final = tuple(_sparse_key(bit) for bit in range(INPUT_BITS + LAYER_BITS))


def row_key(layer: int, row: int) -> State:
    """Returns the key of a row: the exclusive or of the keys of all set bits of its address."""
    x = y = 0
    for bit, (key_x, key_y) in enumerate(_KEYS):
        if (layer << INPUT_BITS | row) >> bit & 1:
            x, y = x ^ key_x, y ^ key_y
    return x, y


def row_state(state: State, layer: int, row: int) -> State:
    """Returns `u` and `v` of a weight row. state: state of the image. The highest bit of the second word is dropped."""
    x, y = row_key(layer, row)
    mixed = (state[0] ^ x, state[1] ^ y)
    for _ in range(ROW_ROUNDS):
        mixed = simon_round(mixed, 0)
    return mixed[0], mixed[1] & (2**V_BITS - 1)


def chances(row: State, p: int, neurons: int) -> NDArray[np.bool_]:
    """Returns which synapses of a row may move, bool ``[neurons]``, each with probability 2^-p; p in 0..CHANCE_MAX."""
    u, v = _bits(row[0], U_BITS), _bits(row[1], V_BITS)
    hit = np.ones(neurons, bool)
    for k in range(p):
        n = np.arange(neurons) + k * TAP_STEP
        hit &= u[n % U_BITS] ^ v[n % V_BITS]
    return hit


def _bits(word: int, count: int) -> NDArray[np.bool_]:
    return np.array([word >> k & 1 for k in range(count)], bool)
