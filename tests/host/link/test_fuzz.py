"""Runs the decoders on the corpus of the fuzzer and on bytes made by hypothesis; `make fuzz-link` searches further."""

import base64
from pathlib import Path

import pytest
from fuzz_targets import TARGETS
from hypothesis import given, settings
from hypothesis import strategies as st

from firstspike_contract.link.wire import MESSAGE, RECORD, MessageKind, RecordKind

CORPUS = Path(__file__).parent / "corpus"


@pytest.mark.parametrize("name", TARGETS)
def test_the_corpus_finds_no_fault(name: str) -> None:
    lines = (CORPUS / f"{name}.txt").read_text().splitlines()
    assert len(lines) > 20
    for line in lines:
        TARGETS[name](base64.b64decode(line))


@pytest.mark.parametrize("name", TARGETS)
@given(st.binary(max_size=600))
@settings(max_examples=60, deadline=None)
def test_random_bytes_find_no_fault(name: str, data: bytes) -> None:
    TARGETS[name](data)


MESSAGES = st.builds(
    lambda kind, flags, count, length, value, body: (
        MESSAGE.to_bytes(kind=kind, flags=flags, count=count, length=length, value=value) + body
    ),
    *(st.sampled_from([0, *map(int, MessageKind), 200]), st.integers(0, 255), st.integers(0, 255)),
    *(st.sampled_from([0, 1, 2, 3, 4, 5, 8, 98, 65_528, 65_532, 65_535]), st.integers(0, 0x1100)),
    st.binary(max_size=300),
)
RECORDS = st.builds(
    lambda kind, status, length, body: RECORD.to_bytes(kind=kind, status=status, length=length) + body,
    *(st.sampled_from([0, *map(int, RecordKind), 200]), st.integers(0, 255), st.integers(0, 300)),
    st.binary(max_size=300),
)


@given(st.lists(MESSAGES, max_size=6))
@settings(max_examples=150, deadline=None)
def test_random_messages_find_no_fault(messages: list[bytes]) -> None:
    TARGETS["board"](b"".join(messages))


@given(st.lists(RECORDS, max_size=6))
@settings(max_examples=100, deadline=None)
def test_random_records_find_no_fault(records: list[bytes]) -> None:
    TARGETS["host"](b"".join(records))
