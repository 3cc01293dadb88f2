"""The content of a manifest: inputs, layers, source and estimates, with and without a core that holds the network."""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from networks import grid_network, random_network

from firstspike_compiler.integers import network_to_ir
from firstspike_compiler.ir import NetworkIR
from firstspike_compiler.pipeline import compile_network
from firstspike_compiler.targets import load_target
from firstspike_contract.common.errors import FirstspikeError

GENERIC = load_target("generic")


def manifest(ir: NetworkIR, **how: Any) -> dict[str, Any]:
    return compile_network(ir, GENERIC, **how).manifest


def masked() -> NetworkIR:
    """Six inputs: the first is masked, the second has no weights, the third is delayed by three steps."""
    ir = grid_network(inputs=6)
    weights = ir.layers[0].weights.copy()
    weights[:2] = 0
    return replace(
        ir,
        layers=(replace(ir.layers[0], weights=weights), ir.layers[1]),
        mask=np.arange(6) > 0,
        input_delays=np.array([0, 0, 0.75, 0, 0, 0]),
        record={"epochs": 3},
    )


def test_inputs_are_counted() -> None:
    found = manifest(masked())
    assert found["inputs"] == {"addresses": 6, "rows": 4, "dropped": 2, "masked": 1, "delays_up_to": 3}
    assert (found["sizes"], found["training"]) == ([6, 8, 3], {"epochs": 3})
    assert (found["kernel"], found["steps"], found["t_max"], found["tau"]) == ("linear", 16, 4.0, 1.0)
    assert found["encoding"] == {"name": "latency", "t_late": 2.0, "late": 8}
    assert manifest(grid_network())["inputs"]["masked"] == 0


def test_layers_are_described() -> None:
    ir = network_to_ir(random_network(4, normal_form=True))
    found = manifest(ir)
    assert [layer["name"] for layer in found["layers"]] == ["hidden1", "readout"]
    for described, layer in zip(found["layers"], ir.layers, strict=True):
        assert (described["outputs"], described["scale"]) == (layer.weights.shape[1], layer.scale)
        assert described["constants"] == layer.constants
        assert described["delays_up_to"] == layer.delays.max()
        assert described["tables"]["m"] == [0, 15]
        assert described["theta"] == described["tables"]["th"][0] == described["tables"]["th"][1]


def test_the_source_is_named_by_its_contents(tmp_path: Path) -> None:
    path = tmp_path / "net.nir"
    path.write_bytes(b"network")
    assert manifest(grid_network(), source=path)["source"] == {
        "file": "net.nir",
        "sha256": hashlib.sha256(b"network").hexdigest(),
    }
    assert manifest(grid_network())["source"] is None
    with pytest.raises(FirstspikeError) as error:
        manifest(grid_network(), source=tmp_path / "none.nir")
    assert str(error.value) == f"{tmp_path}/none.nir: No such file or directory"


def test_cycles_are_those_of_a_shipped_core_or_there_is_a_reason() -> None:
    found = manifest(grid_network())["estimates"]
    assert found["core"] == "fast"
    assert 0 < found["cycles"]["p50"] <= found["cycles"]["p99"]
    assert found["images"] == "the 64 golden images"
    wide = manifest(grid_network(inputs=3000))["estimates"]
    assert wide["core"] is None
    assert wide["reason"].startswith("the network fits none of the cores; fast: the core has 1024 addresses, ")
