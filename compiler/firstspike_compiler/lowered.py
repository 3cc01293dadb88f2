"""What the passes make of a network, between the IR and the deployment."""

from dataclasses import dataclass

from firstspike_compiler.passes.drop_inputs import InputRows
from firstspike_compiler.passes.geometry import StageMap
from firstspike_compiler.passes.grid import Grid
from firstspike_compiler.passes.quantise import IntegerLayer
from firstspike_contract import Network
from firstspike_contract.arithmetic.bounds import Bounds

__all__ = ["Lowered"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Lowered:
    """A network after all passes. fraction_bits: K. stages: one per layer. bounds: exact worst case per layer."""

    network: Network
    grid: Grid
    layers: tuple[IntegerLayer, ...]
    rows: InputRows
    fraction_bits: int
    stages: tuple[StageMap, ...]
    bounds: tuple[Bounds, ...]
