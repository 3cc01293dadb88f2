"""Checks whether a network fits a board's core, and computes the number that identifies a deployment."""

from typing import TYPE_CHECKING

from firstspike_contract import CoreConfig, FirstspikeError, LoadPlan, Network, core_for, load_plan

if TYPE_CHECKING:
    from firstspike_compiler.deployment import Deployment

__all__ = ["name_of", "plan_for"]


def name_of(deployment: "Deployment") -> int:
    """Returns the number that identifies a deployment: the first 64 bits of the sha256 of its image.bin."""
    return int(deployment.manifest["files"]["image.bin"]["sha256"][:16], 16)


def plan_for(network: Network, config: CoreConfig) -> LoadPlan:
    """Calls `load_plan`. If the network does not fit, the FirstspikeError also names a shipped core that holds it."""
    try:
        return load_plan(network, config)
    except FirstspikeError as error:
        try:
            name, _ = core_for(network)
        except FirstspikeError:
            raise error from None
        raise FirstspikeError(f"{error}; it fits a board with the core {name!r}, for example sim:{name}") from error
