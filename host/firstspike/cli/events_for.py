"""The spikes that a network is shown for a data argument of the command line."""

from typing import Any

from firstspike.datasets import Samples, encode, load
from firstspike_contract import EventSet, Network
from firstspike_contract.arithmetic.validation import check_events
from firstspike_contract.common.errors import FirstspikeError, UsageError

__all__ = ["encoded", "events_for", "load_limited"]


def load_limited(spec: str, limit: int | None) -> Samples | EventSet:
    """The data set, or its first `limit` images. Raises FirstspikeError if there are none."""
    data = load(spec)
    if len(data) == 0:
        raise FirstspikeError(f"a data set must hold at least one image: {spec} holds none")
    return data if limit is None else data.head(limit)


def events_for(data: Samples | EventSet, network: Network, encoding: dict[str, Any]) -> EventSet:
    """Spikes for a compiled network, checked up front: odd events are refused here, not counted later.

    encoding: name and late code, as the manifest has them. Raises FirstspikeError naming the first odd event.
    """
    events = encoded(data, addresses=network.addresses, steps=network.steps, **encoding)
    check_events(events, network)
    return events


def encoded(data: Samples | EventSet, *, addresses: int, steps: int, name: str, late: int | None) -> EventSet:
    """Values by the encoding of that name, events as they are.

    Raises FirstspikeError for values of another number of inputs, UsageError for a network that takes only events.
    """
    if not isinstance(data, Samples):
        return data
    if data.values.shape[1] != addresses:
        raise FirstspikeError(
            f"data and network must have the same number of inputs: {data.name} has {data.values.shape[1]}, "
            f"the network has {addresses}"
        )
    if name == "events":
        raise UsageError(
            "this network takes events and names no encoding of values; "
            "make them first, for example firstspike encode images.npy --encoding binary -o events.npz"
        )
    return encode(data.values, name, steps=steps, late=late, labels=data.labels)
