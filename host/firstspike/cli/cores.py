"""Chooses the core for a deployment, and estimates what the deployment costs on it.

Tested by tests/host/cli/test_build.py and tests/host/cli/test_estimate.py.
"""

from typing import TYPE_CHECKING, Any

from firstspike_contract import CoreConfig, core_for
from firstspike_contract.common.errors import FirstspikeError

from .deployments import encoding_of
from .events_for import events_for, load_limited

if TYPE_CHECKING:
    from firstspike_compiler.deployment import Deployment

__all__ = ["chosen_core", "estimated"]


def chosen_core(network: Any, target: str, cores: dict[str, float], wanted: str | None) -> str:
    """Returns the name of the wanted core, or of the target's first core that holds the network.

    Raises FirstspikeError if the target lacks the wanted core, or if the network does not fit.
    """
    if wanted is not None and wanted not in cores:
        raise FirstspikeError(f"the core {wanted} is not one of the cores of {target}; use one of {', '.join(cores)}")
    refusals = []
    for name in cores if wanted is None else (wanted,):
        try:
            return core_for(network, name)[0]
        except FirstspikeError as error:
            refusals.append(str(error).removeprefix("the network fits none of the cores; "))
    raise FirstspikeError(f"the network fits none of the cores of {target}; " + "; ".join(refusals))


def estimated(
    deployment: "Deployment",
    config: CoreConfig,
    *,
    clock_mhz: float,
    family: str = "ecp5",
    data: str | None = None,
    limit: int | None = None,
) -> dict[str, Any]:
    """Returns the estimated figures, over the golden images or over the first `limit` images of a data set.

    clock_mhz: clock of the core, MHz. data: a data set as the command line names it, or None for the golden images.
    """
    from firstspike_compiler.estimate.figures import estimate

    network, batch = deployment.network, deployment.golden.batch
    images = f"the {len(batch)} golden images"
    if data is not None:
        from firstspike_sim import FastModel

        events = events_for(load_limited(data, limit), network, encoding_of(deployment))
        batch, images = FastModel(network).run(events), f"{len(events)} images of {data}"
    return {**estimate(network, config, batch, clock_mhz=clock_mhz, family=family), "images": images}
