"""What the passes make of a network, between the IR and the deployment."""

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
    """A pass in words. does: what it is for. changed: what it has done to this network, line by line."""

    name: str
    does: str
    changed: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Lowered:
    """A network after all passes.

    layers:        before inputs without weights were dropped. rows: which were.
    fraction_bits: K. stages: one per layer. bounds: exact worst case per layer.
    notes:         what each pass has done, in their order.
    """

    network: Network
    grid: Grid
    layers: tuple[IntegerLayer, ...]
    rows: InputRows
    fraction_bits: int
    stages: tuple[StageMap, ...]
    bounds: tuple[Bounds, ...]
    notes: tuple[PassNote, ...]
