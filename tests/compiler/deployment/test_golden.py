"""golden.npz is checked against the sizes of its network; damage never raises anything but a FirstspikeError."""

import contextlib
import io
import random

import numpy as np
import pytest
from networks import random_network, sparse_images

from firstspike_compiler.deployment import Golden, decode_golden, encode_golden
from firstspike_contract.arithmetic.evaluate import evaluate_set
from firstspike_contract.common.errors import FirstspikeError

NETWORK = random_network(1, sizes=(5, 4, 3), normal_form=True)
EVENTS = sparse_images(5, classes=3)
GOLDEN = Golden(events=EVENTS, batch=evaluate_set(NETWORK, EVENTS))
DATA = encode_golden(GOLDEN)


def test_numpy_reads_golden_npz():
    with np.load(io.BytesIO(DATA), allow_pickle=False) as arrays:
        assert set(arrays.files) == {"t", "x", "offsets", "labels", "results", "rows", "times_0", "times_1", "times_2"}


def test_damaged_bytes_never_escape_as_another_error():
    dice = random.Random(2)
    for _ in range(300):
        data = bytearray(DATA)
        for _ in range(dice.choice((1, 1, 10))):
            data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
        with contextlib.suppress(FirstspikeError):
            decode_golden(bytes(data), NETWORK)


@pytest.mark.parametrize("cut", [0, 1, 100, len(DATA) - 1])
def test_a_truncated_file_is_refused(cut):
    with pytest.raises(FirstspikeError) as error:
        decode_golden(DATA[:cut], NETWORK)
    assert str(error.value) == "golden.npz: damaged or not an npz file; compile again"


def test_golden_images_of_another_network_are_refused():
    with pytest.raises(FirstspikeError) as error:
        decode_golden(DATA, random_network(1, sizes=(5, 6, 3), normal_form=True))
    assert str(error.value) == "golden.npz: the array times_1 has type int16, shape (8, 4); compile again"


def test_a_missing_array_is_named():
    buffer = io.BytesIO()
    np.savez(buffer, t=np.zeros(0, np.uint16), offsets=np.zeros(1, np.int64))
    with pytest.raises(FirstspikeError) as error:
        decode_golden(buffer.getvalue(), NETWORK)
    assert str(error.value) == "golden.npz: the array x is missing; compile again"
