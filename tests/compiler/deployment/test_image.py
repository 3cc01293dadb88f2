"""image.bin decodes to the network that was encoded; a damaged one raises nothing but a FirstspikeError."""

import struct
import zlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import integer_networks, random_network

from firstspike_compiler.deployment import IMAGE_VERSION, MAGIC, decode_image, encode_image
from firstspike_compiler.deployment.image import SECTIONS_OF_LAYER, SECTIONS_OF_NETWORK
from firstspike_contract import KERNELS
from firstspike_contract.common.errors import FirstspikeError

NETWORK = random_network(3, kernel="exponential", sizes=(5, 4, 3), normal_form=True)
IMAGE = encode_image(NETWORK)


def sections():
    """Returns (tag, layer, start, end) of every section of IMAGE, which it walks as docs/deployment.md describes."""
    at, found = 16, []
    while at < len(IMAGE):
        tag, layer, length = struct.unpack_from("<4sII", IMAGE, at)
        end = at + 12 + length + -length % 4 + 4
        found.append((tag.decode(), layer, at, end))
        at = end
    return found


@settings(derandomize=True, deadline=None, max_examples=60)
@given(network=integer_networks())
def test_round_trip(network):
    again = decode_image(encode_image(network))
    assert (again.kernel, again.steps) == (network.kernel, network.steps)
    np.testing.assert_array_equal(again.input_map, network.input_map)
    np.testing.assert_array_equal(again.input_delays, network.input_delays)
    for a, b in zip(again.layers, network.layers, strict=True):
        assert a.source_inputs == b.source_inputs
        for name in ("weights", "a", "m", "th", "constant_times", "delays"):
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name), err_msg=name)
            assert getattr(a, name).dtype == getattr(b, name).dtype, name
    assert encode_image(again) == encode_image(network)


@pytest.mark.parametrize("kernel", KERNELS)
def test_boundaries(kernel):
    """The smallest network, with extreme weights, thresholds beyond 32 bits and a constant input at the last step."""
    network = random_network(0, kernel=kernel, sizes=(1, 1), normal_form=True, constants=False, delays=False)
    layer = replace(
        network.layers[0],
        weights=np.array([[-127], [127]], np.int8),
        th=np.full(16, 2**40),
        constant_times=np.array([15]),
    )
    network = replace(network, layers=(layer,))
    assert encode_image(decode_image(encode_image(network))) == encode_image(network)


def test_every_byte_is_in_the_header_or_a_section():
    found = sections()
    assert [tag for tag, layer, *_ in found] == [*SECTIONS_OF_NETWORK, *SECTIONS_OF_LAYER, *SECTIONS_OF_LAYER]
    assert found[0][2] == 16
    assert found[-1][3] == len(IMAGE)


@pytest.mark.parametrize(("tag", "layer", "start", "end"), sections())
def test_a_flipped_byte_names_its_section(tag, layer, start, end):
    where = f"image.bin, section {tag}" + (f" of layer {layer}" if tag in SECTIONS_OF_LAYER else "")
    for at in range(start, end):
        damaged = bytearray(IMAGE)
        damaged[at] ^= 0x10
        with pytest.raises(FirstspikeError) as error:
            decode_image(bytes(damaged))
        assert str(error.value) == f"{where}: damaged (its CRC-32 differs); compile again"


@pytest.mark.parametrize("at", range(16))
def test_a_flipped_byte_in_the_header(at):
    damaged = bytearray(IMAGE)
    damaged[at] ^= 1
    with pytest.raises(FirstspikeError) as error:
        decode_image(bytes(damaged))
    message = "image.bin: the header is damaged (its CRC-32 differs); compile again"
    if at < 4:
        message = f"image.bin: begins with {bytes(damaged[:4])!r}, not with {MAGIC!r}: not a firstspike image"
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "image.bin: begins with b'', not with b'1SPK': not a firstspike image"),
        (IMAGE[:10], "image.bin: truncated: 10 bytes are less than a header"),
        (IMAGE[:-1], f"image.bin: {len(IMAGE) - 1} bytes, its header says {len(IMAGE)}: truncated or overlong"),
        (IMAGE + b"\0", f"image.bin: {len(IMAGE) + 1} bytes, its header says {len(IMAGE)}: truncated or overlong"),
    ],
)
def test_wrong_lengths(data, message):
    with pytest.raises(FirstspikeError) as error:
        decode_image(data)
    assert str(error.value) == message


def test_another_version_is_refused():
    header = struct.pack("<4sHHI", MAGIC, IMAGE_VERSION + 1, 17, len(IMAGE))
    with pytest.raises(FirstspikeError) as error:
        decode_image(header + struct.pack("<I", zlib.crc32(header)) + IMAGE[16:])
    assert str(error.value) == "image.bin: version 2, this tool reads version 1; compile again"


def resealed(changes):
    """Returns IMAGE with changed payload bytes, {(section index, offset): byte}, and a right CRC for every section."""
    parts = [bytearray(IMAGE[start : end - 4]) for _, _, start, end in sections()]
    for (index, offset), value in changes.items():
        if parts[index]:
            parts[index][offset % len(parts[index])] = value
    body = b"".join(bytes(part) + struct.pack("<I", zlib.crc32(part)) for part in parts)
    header = struct.pack("<4sHHI", MAGIC, IMAGE_VERSION, len(parts), 16 + len(body))
    return header + struct.pack("<I", zlib.crc32(header)) + body


@settings(derandomize=True, deadline=None, max_examples=400)
@given(
    changes=st.dictionaries(
        st.tuples(st.integers(0, len(sections()) - 1), st.integers(0, 200)), st.integers(0, 255), min_size=1, max_size=3
    )
)
def test_wrong_content_with_correct_checksums(changes):
    """An image is accepted only if its network encodes to the same bytes; all others raise a FirstspikeError."""
    data = resealed(changes)
    try:
        network = decode_image(data)
    except FirstspikeError:
        return
    assert encode_image(network) == data


@settings(derandomize=True, deadline=None, max_examples=200)
@given(data=st.binary(max_size=200), cut=st.integers(0, len(IMAGE)))
def test_random_bytes_are_refused(data, cut):
    for image in (data, MAGIC + data, IMAGE[:cut] + data):
        if image != IMAGE:
            with pytest.raises(FirstspikeError):
                decode_image(image)


def test_values_that_do_not_fit_their_fields_are_refused():
    layer = NETWORK.layers[0]
    for changed, message in (
        ({"weights": np.full_like(layer.weights, -128)}, "layer 0: weights must be in -127..127, not -128"),
        ({"a": layer.a + 2**17}, "layer 0: table a must be in 0..131071, not 131073..131073"),
        ({"delays": layer.delays * 0 + 65536}, "layer 0: delays must be in 0..65535, not 65536..65536"),
    ):
        network = replace(NETWORK, layers=(replace(layer, **changed), *NETWORK.layers[1:]))
        with pytest.raises(FirstspikeError) as error:
            encode_image(network)
        assert str(error.value) == message
