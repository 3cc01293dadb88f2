"""The result of the passes: a network between the IR and the deployment.

Tested by tests/compiler/test_pipeline.py.
"""

from dataclasses import dataclass

from firstspike_compiler.passes.drop_inputs import InputRows
from firstspike_compiler.passes.geometry import StageMap
from firstspike_compiler.passes.grid import Grid
from firstspike_compiler.passes.quantise import IntegerLayer
from firstspike_contract import Network
from firstspike_contract.arithmetic.bounds import Bounds

__all__ = ["Lowered", "PassNote"]


@dataclass(frozen=True, kw_only=True)
class PassNote:
    """A description of one pass, for `compile --explain`.

    name:    file name of the pass.
    does:    purpose of the pass.
    changed: lines that say what the pass has done to this network.
    """

    name: str
    does: str
    changed: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Lowered:
    """A network after all passes.

    network:       integer network.
    grid:          times of the IR as time codes.
    layers:        integer layers, before inputs without weights were dropped.
    rows:          weight rows that the inputs have or have not.
    fraction_bits: K of the kernel tables.
    stages:        layout of each layer on its stage.
    bounds:        exact worst case of each layer.
    notes:         one note for each pass, in order.
    """

    network: Network
    grid: Grid
    layers: tuple[IntegerLayer, ...]
    rows: InputRows
    fraction_bits: int
    stages: tuple[StageMap, ...]
    bounds: tuple[Bounds, ...]
    notes: tuple[PassNote, ...]
