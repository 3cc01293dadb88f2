"""The random bits of learning have fixed values for given inputs, the right probability, and no correlations."""

import numpy as np

from firstspike_contract.arithmetic.random_bits import (
    CHANCE_MAX,
    TAP_STEP,
    U_BITS,
    V_BITS,
    chances,
    image_state,
    row_key,
    row_state,
    simon_round,
)


def test_the_round_function_is_that_of_simon128() -> None:
    """Computes the published test vector of Simon128/128, with the key schedule of the paper."""
    z = "10101111011100000011010010011000101000010001111110010110110011"
    keys = [0x0706050403020100, 0x0F0E0D0C0B0A0908]
    for i in range(2, 68):
        turned = keys[-1] >> 3 | keys[-1] << 61
        turned ^= turned >> 1 | turned << 63
        keys.append((keys[i - 2] ^ turned ^ (2**64 - 4) ^ int(z[(i - 2) % 62])) & (2**64 - 1))
    state = (0x6373656420737265, 0x6C6C657661727420)
    for key in keys:
        state = simon_round(state, key)
    assert [f"{word:016x}" for word in state] == ["49681b1e1e54fe3f", "65aa832af84e0bbc"]


def test_values_that_every_implementation_must_give() -> None:
    assert [f"{word:016x}" for word in image_state(1, 0)] == ["f906197028da68a8", "80db61a416078903"]
    assert [f"{word:016x}" for word in row_key(2, 5)] == ["657a42808673699e", "5c6db5898100cd29"]
    row = row_state(image_state(1, 0), 0, 0)
    assert [f"{word:016x}" for word in row] == ["938af5f22d0959b6", "63c8dedb9677ad94"]
    assert np.packbits(chances(row, 2, 64)).tobytes().hex() == "040d3ed414c0420b"


def test_a_larger_p_only_removes_chances() -> None:
    row = row_state(image_state(3, 4), 1, 9)
    assert chances(row, 0, 200).all()
    for p in range(CHANCE_MAX):
        more, less = chances(row, p, 200), chances(row, p + 1, 200)
        assert not (less & ~more).any()


def test_the_bits_of_a_neuron_do_not_depend_on_the_number_of_neurons() -> None:
    row = row_state(image_state(3, 4), 1, 9)
    np.testing.assert_array_equal(chances(row, 3, 500)[:77], chances(row, 3, 77))


def test_the_probability_is_two_to_the_minus_p() -> None:
    rows = [row_state(image_state(11, n), 0, i) for n in range(40) for i in range(40)]
    for p in range(CHANCE_MAX + 1):
        drawn = np.array([chances(row, p, 256).mean() for row in rows])
        error = np.sqrt((1 - 2.0**-p) * 2.0**-p / (256 * len(rows)))
        assert abs(drawn.mean() - 2.0**-p) <= 5 * error


def test_bits_of_rows_neurons_images_and_layers_are_uncorrelated() -> None:
    """Correlations between rows, neurons, images, layers and seeds are as small as those of coin tosses."""
    images, rows, neurons = 64, 24, 96
    bits = np.array(
        [[chances(row_state(image_state(7, n), 0, i), 1, neurons) for i in range(rows)] for n in range(images)]
    )
    signs = np.where(bits, 1.0, -1.0)
    for axis in range(3):
        along = np.moveaxis(signs, axis, 0).reshape(signs.shape[axis], -1)
        correlation = (along @ along.T / along.shape[1])[np.triu_indices(len(along), 1)]
        assert np.sqrt((correlation**2).mean() * along.shape[1]) < 1.1
        assert abs(correlation).max() * np.sqrt(along.shape[1]) < 5.5
    other = np.array(
        [[chances(row_state(image_state(7, n), 1, i), 1, neurons) for i in range(rows)] for n in range(images)]
    )
    assert abs((signs * np.where(other, 1.0, -1.0)).mean()) * np.sqrt(signs.size) < 4
    seed = np.array(
        [[chances(row_state(image_state(8, n), 0, i), 1, neurons) for i in range(rows)] for n in range(images)]
    )
    assert abs((signs * np.where(seed, 1.0, -1.0)).mean()) * np.sqrt(signs.size) < 4


def dependent(distance: int) -> bool:
    """Returns whether bits of two neurons `distance` apart are linearly dependent.

    Each bit is an edge between one bit of u and one of v; bits are dependent if their edges close a cycle.
    """
    parent = list(range(U_BITS + V_BITS))

    def root(node: int) -> int:
        while parent[node] != node:
            node = parent[node]
        return node

    for neuron in {0, distance}:
        for k in range(CHANCE_MAX):
            n = neuron + k * TAP_STEP
            one, other = root(n % U_BITS), root(U_BITS + n % V_BITS)
            if one == other:
                return True
            parent[one] = other
    return False


def test_any_two_neurons_nearer_than_a_step_have_independent_bits() -> None:
    assert not any(map(dependent, range(TAP_STEP)))
