"""image.bin: an integer network in sections, every byte under a CRC-32 (docs/deployment.md)."""

import struct
import zlib
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from firstspike_contract import KERNELS, WEIGHT_MAX, Kernel, Layer, Network
from firstspike_contract.arithmetic.tables import STEPS, TABLE_MAX
from firstspike_contract.arithmetic.validation import check_network
from firstspike_contract.common.errors import FirstspikeError

__all__ = ["IMAGE_VERSION", "MAGIC", "SECTIONS_OF_LAYER", "SECTIONS_OF_NETWORK", "decode_image", "encode_image"]

MAGIC: Final = b"1SPK"
IMAGE_VERSION: Final = 1

# All numbers are little endian. The header: magic, version, number of sections, bytes of the whole image; then the
# CRC-32 of these.
_HEADER: Final = struct.Struct("<4sHHI")
# A section: tag, layer, bytes of payload; then the payload, zeros up to a multiple of 4, and the CRC-32 of all these.
_SECTION: Final = struct.Struct("<4sII")
_CRC: Final = struct.Struct("<I")
_NETWORK: Final = struct.Struct("<BxHHxxII")  # kernel, steps, layers, addresses, rows of layer 0
_LAYER: Final = struct.Struct("<IIII")  # inputs, constant inputs, outputs, inputs in the source network

SECTIONS_OF_NETWORK: Final = ("NETW", "IMAP", "IDLY")
SECTIONS_OF_LAYER: Final = ("LAYR", "TABA", "TABM", "TABT", "CTIM", "DLAY", "WGHT")
_SIZE_MAX: Final = 2**24  # weight rows or neurons of a layer: far above any target, so products of sizes stay small


def encode_image(network: Network) -> bytes:
    """Returns image.bin of a network; equal networks give equal bytes.

    Raises FirstspikeError if the network is inconsistent, or if the fields cannot hold a value.
    """
    check_network(network)
    head = _NETWORK.pack(
        KERNELS.index(network.kernel),
        network.steps,
        len(network.layers),
        network.addresses,
        network.layers[0].inputs,
    )
    sections = [
        _section("NETW", 0, head),
        _section("IMAP", 0, network.input_map.astype("<i4").tobytes()),
        _section("IDLY", 0, _packed("input delays", network.input_delays, "<u2")),
    ]
    for k, layer in enumerate(network.layers):
        if (layer.weights < -WEIGHT_MAX).any():
            raise FirstspikeError(f"layer {k}: weights must be in -127..127, not -128")
        parts = {
            "LAYR": _LAYER.pack(layer.inputs, layer.constants, layer.outputs, layer.source_inputs),
            "TABA": _packed(f"layer {k}: table a", layer.a, "<u4", TABLE_MAX),
            "TABM": _packed(f"layer {k}: table m", layer.m, "<u4", TABLE_MAX),
            "TABT": layer.th.astype("<i8").tobytes(),
            "CTIM": _packed(f"layer {k}: constant times", layer.constant_times, "<u2"),
            "DLAY": _packed(f"layer {k}: delays", layer.delays, "<u2"),
            "WGHT": np.ascontiguousarray(layer.weights).tobytes(),
        }
        sections += [_section(tag, k, parts[tag]) for tag in SECTIONS_OF_LAYER]
    size = _HEADER.size + _CRC.size + sum(map(len, sections))
    header = _HEADER.pack(MAGIC, IMAGE_VERSION, len(sections), size)
    return b"".join([header, _CRC.pack(zlib.crc32(header)), *sections])


def decode_image(data: bytes) -> Network:
    """Returns the network that image.bin holds; ``encode_image(decode_image(data)) == data``.

    Raises FirstspikeError, which names the section, if the data are no image, of another version or truncated, or if
    a CRC-32 or a value is wrong.
    """
    reader = _Reader(data)
    kernel, steps, layers, addresses, rows = reader.unpack("NETW", 0, _NETWORK)
    if kernel >= len(KERNELS) or steps not in STEPS or not 0 < layers <= 256 or not addresses <= 65536:
        raise FirstspikeError(
            f"image.bin, section NETW: out of range: kernel {kernel}, {steps} steps, {layers} layers, "
            f"{addresses} addresses"
        )
    input_map = reader.array("IMAP", 0, "<i4", addresses)
    input_delays = reader.array("IDLY", 0, "<u2", rows)
    network = Network(
        kernel=cast(Kernel, KERNELS[kernel]),
        steps=steps,
        input_map=input_map.astype(np.int64),
        input_delays=input_delays.astype(np.int64),
        layers=tuple(_decode_layer(reader, k, steps) for k in range(layers)),
    )
    reader.finish()
    check_network(network)
    return network


def _decode_layer(reader: "_Reader", k: int, steps: int) -> Layer:
    inputs, constants, outputs, source_inputs = sizes = reader.unpack("LAYR", k, _LAYER)
    if max(sizes) > _SIZE_MAX:
        raise FirstspikeError(f"image.bin, section LAYR of layer {k}: sizes {sizes} are out of range")
    a, m = (reader.array(tag, k, "<u4", steps).astype(np.int64) for tag in ("TABA", "TABM"))
    if max(a.max(), m.max()) > TABLE_MAX:
        raise FirstspikeError(f"image.bin, layer {k}: tables a and m must be at most {TABLE_MAX}")
    th = reader.array("TABT", k, "<i8", steps).astype(np.int64)
    constant_times = reader.array("CTIM", k, "<u2", constants).astype(np.int64)
    delays = reader.array("DLAY", k, "<u2", outputs).astype(np.int64)
    weights = reader.array("WGHT", k, "i1", (inputs + constants) * outputs).astype(np.int8)
    if (weights < -WEIGHT_MAX).any():
        raise FirstspikeError(f"image.bin, section WGHT of layer {k}: weights must be in -127..127, not -128")
    return Layer(
        weights=weights.reshape(inputs + constants, outputs),
        a=a,
        m=m,
        th=th,
        constant_times=constant_times,
        delays=delays,
        source_inputs=source_inputs,
    )


def _section(tag: str, layer: int, payload: bytes) -> bytes:
    body = _SECTION.pack(tag.encode(), layer, len(payload)) + payload + bytes(-len(payload) % 4)
    return body + _CRC.pack(zlib.crc32(body))


def _packed(what: str, values: NDArray[np.int64], dtype: str, largest: int = 65535) -> bytes:
    if len(values) and not (values.min() >= 0 and values.max() <= largest):
        raise FirstspikeError(f"{what} must be in 0..{largest}, not {int(values.min())}..{int(values.max())}")
    return values.astype(dtype).tobytes()


class _Reader:
    """A reader that takes the expected sections off an image, in order."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        size = _HEADER.size + _CRC.size
        if data[: len(MAGIC)] != MAGIC:
            raise FirstspikeError(f"image.bin: begins with {data[:4]!r}, not with {MAGIC!r}: not a firstspike image")
        if len(data) < size:
            raise FirstspikeError(f"image.bin: truncated: {len(data)} bytes are less than a header")
        _, version, self.sections, total = _HEADER.unpack_from(data)
        if _CRC.unpack_from(data, _HEADER.size)[0] != zlib.crc32(data[: _HEADER.size]):
            raise FirstspikeError("image.bin: the header is damaged (its CRC-32 differs); compile again")
        if version != IMAGE_VERSION:
            raise FirstspikeError(
                f"image.bin: version {version}, this tool reads version {IMAGE_VERSION}; compile again"
            )
        if total != len(data):
            raise FirstspikeError(f"image.bin: {len(data)} bytes, its header says {total}: truncated or overlong")
        self.at, self.taken = size, 0

    def section(self, tag: str, layer: int) -> bytes:
        """Returns the payload of the next section, which must have this tag and layer."""
        where = f"image.bin, section {tag}" + (f" of layer {layer}" if tag in SECTIONS_OF_LAYER else "")
        if len(self.data) - self.at < _SECTION.size + _CRC.size:
            raise FirstspikeError(f"{where}: missing; compile again")
        found, found_layer, length = _SECTION.unpack_from(self.data, self.at)
        end = self.at + _SECTION.size + length + -length % 4
        body = self.data[self.at : end]
        if end + _CRC.size > len(self.data) or _CRC.unpack_from(self.data, end)[0] != zlib.crc32(body):
            raise FirstspikeError(f"{where}: damaged (its CRC-32 differs); compile again")
        if (found, found_layer) != (tag.encode(), layer) or any(body[_SECTION.size + length :]):
            raise FirstspikeError(f"{where}: expected here, found {found!r} of layer {found_layer}")
        self.at = end + _CRC.size
        self.taken += 1
        return body[_SECTION.size : _SECTION.size + length]

    def unpack(self, tag: str, layer: int, form: struct.Struct) -> tuple[int, ...]:
        payload = self.section(tag, layer)
        if len(payload) != form.size or form.pack(*form.unpack(payload)) != payload:
            raise FirstspikeError(f"image.bin, section {tag}: {len(payload)} bytes are not a {tag} record")
        return form.unpack(payload)

    def array(self, tag: str, layer: int, dtype: str, count: int) -> NDArray[Any]:
        payload, item = self.section(tag, layer), np.dtype(dtype)
        if len(payload) != count * item.itemsize:
            raise FirstspikeError(
                f"image.bin, section {tag} of layer {layer}: {len(payload)} bytes, {count * item.itemsize} are needed"
            )
        return np.frombuffer(payload, item)

    def finish(self) -> None:
        if self.at != len(self.data) or self.taken != self.sections:
            raise FirstspikeError(
                f"image.bin: its header says {self.sections} sections, and {len(self.data) - self.at} bytes follow "
                "the last section of the network; compile again"
            )
