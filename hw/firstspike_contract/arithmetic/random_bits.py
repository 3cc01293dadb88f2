"""Random bits of on-chip learning: a pure function of seed, image count, layer, input and neuron.

Made for hardware that changes one weight row a cycle, in as many lanes as it likes, without a multiplier:

1. `image_state`, once an image: 32 rounds of Simon128 (Beaulieu et al., ePrint 2013/404: shifts, "and", "exclusive or")
   over the seed and the count of learning images.
2. `row_state`, once a row: keys, one for each set bit of the row's address, are added without carries; five more rounds
   make that non-linear in the image. The outcome is a word `u` of 64 bits and a word `v` of 63.
3. `chances`, every neuron at once: bit n of a sequence is ``u[n mod 64] ^ v[n mod 63]``, and bit k of neuron j is its
   bit ``j + 806 k``. A lane sees fixed bits of `u` and `v`, turned by the number of lanes from row to row; so the lanes
   of a core do not matter. A synapse moves with probability 2^-p if the first p of its bits are 1.

64 and 63 have no common divisor, so the sequence repeats after 4,032 bits only.
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
INPUT_BITS: Final = 16  # of the address of a weight row: its number within the layer
LAYER_BITS: Final = 4  # above them: the number of the layer, 0 for the first
STATE_ROUNDS: Final = 32
ROW_ROUNDS: Final = 5

U_BITS: Final = 64
V_BITS: Final = 63
TAP_STEP: Final = 806  # between the bits of a neuron: those of any two neurons nearer than that are independent

_WORD: Final = 2**64 - 1
START: Final = 0x9E3779B97F4A7C15  # 2^64 / golden ratio: no symmetry that the rounds would keep


def _left(word: int, count: int) -> int:
    return (word << count | word >> (64 - count)) & _WORD


def simon_round(state: State, key: int) -> State:
    """One Feistel round of Simon128 on two words of 64 bits: four inputs to every bit."""
    x, y = state
    return y ^ (_left(x, 1) & _left(x, 8)) ^ _left(x, 2) ^ key, x


def image_state(seed: int, count: int) -> State:
    """Two words of 64 bits for one image. seed, count: 32 bits each; the round number is the key."""
    state = (seed | count << 32, START)
    for number in range(STATE_ROUNDS):
        state = simon_round(state, number)
    return state


def _sparse_key(bit: int) -> State:
    """Two words in which every fourth bit is set, about: a row's key is then the sum of few."""
    (x, y), (other_x, other_y) = (image_state(bit, 2**32 - n) for n in (1, 2))
    return x & other_x, y & other_y


# Of bit b of a row's address (layer << INPUT_BITS | input).
_KEYS: Final = tuple(_sparse_key(bit) for bit in range(INPUT_BITS + LAYER_BITS))


def row_key(layer: int, row: int) -> State:
    """The exclusive or of the keys of the set bits of a row's address."""
    x = y = 0
    for bit, (key_x, key_y) in enumerate(_KEYS):
        if (layer << INPUT_BITS | row) >> bit & 1:
            x, y = x ^ key_x, y ^ key_y
    return x, y


def row_state(state: State, layer: int, row: int) -> State:
    """`u` and `v` of a weight row; state: of the image. The last bit of the second word is dropped."""
    x, y = row_key(layer, row)
    mixed = (state[0] ^ x, state[1] ^ y)
    for _ in range(ROW_ROUNDS):
        mixed = simon_round(mixed, 0)
    return mixed[0], mixed[1] & (2**V_BITS - 1)


def chances(row: State, p: int, neurons: int) -> NDArray[np.bool_]:
    """Which synapses of a row may move, bool ``[neurons]``, each with probability 2^-p; p in 0..CHANCE_MAX."""
    u, v = _bits(row[0], U_BITS), _bits(row[1], V_BITS)
    hit = np.ones(neurons, bool)
    for k in range(p):
        n = np.arange(neurons) + k * TAP_STEP
        hit &= u[n % U_BITS] ^ v[n % V_BITS]
    return hit


def _bits(word: int, count: int) -> NDArray[np.bool_]:
    return np.array([word >> k & 1 for k in range(count)], bool)
