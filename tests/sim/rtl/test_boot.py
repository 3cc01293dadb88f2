"""A core whose memories have first contents, as after loading a bitstream, classifies without a host."""

import pytest

from firstspike_contract import CONFIGS, load_plan
from firstspike_sim import FastModel
from firstspike_sim.rtl import RtlCore, compare, runs
from firstspike_sim.rtl.random_cases import random_case

pytestmark = pytest.mark.skipif(runs() is not None, reason=str(runs()))


def test_a_core_with_first_contents_classifies_without_a_host() -> None:
    from firstspike_hw.core.contents import contents_of
    from firstspike_hw.emit import verilog

    config = CONFIGS["small"]
    case = next(c for c in map(random_case, range(100)) if _fits(c.network, config) and c.network.layers[0].constants)
    contents = contents_of(load_plan(case.network, config), config, verilog.CORE_PATH)
    with RtlCore(config, verilog=verilog.emit(config, contents=contents)) as core:
        core.network = case.network
        rtl = core.run(case.events)
    assert len(compare(case.network, rtl, FastModel(case.network).run(case.events))) == 0
    assert rtl.cycles.all()


def _fits(network, config) -> bool:
    from firstspike_sim.rtl.fuzz import _fits as fits

    return fits(type("Case", (), {"network": network}), config)
