# amaranth: UnusedElaboratable=no
"""A core in shift chains: every port of the core is in one of them."""

import pytest
from amaranth.hdl import Cat, Value

from firstspike_contract import CONFIGS, CoreConfig, StageConfig
from firstspike_hw.board.chains import _narrow_ports, _ports
from firstspike_hw.core.core import Core

STAGE = StageConfig(lanes=1, depth=4, max_rows=1, inputs=4, constants=0, a_bits=8, v_bits=8, kernels=("linear",))
SMALLEST = CoreConfig(stages=(STAGE,), addresses=4, max_steps=16)


@pytest.mark.parametrize("name", ["tiny", "small"])
def test_every_port_of_the_core_is_in_a_chain(name: str) -> None:
    core = Core(CONFIGS[name])
    into, out = _ports(core)
    inputs = outputs = 0
    for path, member, port in core.signature.flatten(core):
        if path not in (("reset",), ("booted",)):
            inputs += len(Value.cast(port)) if str(member.flow) == "In" else 0
            outputs += len(Value.cast(port)) if str(member.flow) == "Out" else 0
    assert (len(Cat(into)), len(Cat(out))) == (inputs, outputs)


def test_a_narrow_core_has_the_bits_that_it_uses() -> None:
    """A time of 4 bits shares its place with 5 flags; addresses 0..3, one class, and last, valid, ready each way."""
    into, out = _narrow_ports(Core(SMALLEST))
    assert [len(part) for part in into] == [5, 2, 1, 1, 1]
    assert [len(part) for part in out[1:]] == [1, 1, 1]
