"""Networks that do not fit a board are refused, with a core that holds them if there is one; names of deployments."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from networks import layer_of, network_of

from firstspike.board.fitting import name_of, plan_for
from firstspike_contract import CONFIGS, FirstspikeError, Network, load_plan


def net(inputs: int) -> Network:
    return network_of(layer_of(np.ones((inputs, 2)), theta=3))


def refusal(network: Network) -> str:
    with pytest.raises(FirstspikeError) as error:
        plan_for(network, CONFIGS["tiny"])
    return str(error.value)


def test_a_network_that_fits_is_planned() -> None:
    plan = plan_for(net(4), CONFIGS["tiny"])
    assert plan.registers == load_plan(net(4), CONFIGS["tiny"]).registers


def test_a_core_that_holds_the_network_is_named() -> None:
    inputs = CONFIGS["tiny"].addresses + 1
    assert refusal(net(inputs)) == (
        f"the core has {inputs - 1} addresses, the network needs {inputs}; it fits a board with the core 'fast', for "
        "example sim:fast"
    )


def test_a_network_that_fits_no_core_is_refused_without_a_proposal() -> None:
    addresses = CONFIGS["tiny"].addresses
    assert refusal(net(5000)) == f"the core has {addresses} addresses, the network needs 5000"


@pytest.mark.parametrize(
    ("digest", "name"), [("0" * 64, 0), ("f" * 64, 2**64 - 1), ("0123456789abcdef" + "9" * 48, 0x0123456789ABCDEF)]
)
def test_a_deployment_is_named_by_its_image(digest: str, name: int) -> None:
    deployment: Any = SimpleNamespace(manifest={"files": {"image.bin": {"sha256": digest}}})
    assert name_of(deployment) == name
