"""Makes the events that a network gets for a data argument of the command line.

Tested by tests/host/cli/test_bad_input.py.
"""

from typing import Any

from firstspike.datasets import Samples, encode, load
from firstspike_contract import EventSet, Network
from firstspike_contract.arithmetic.validation import check_events
from firstspike_contract.common.errors import FirstspikeError, UsageError

__all__ = ["encoded", "events_for", "load_limited"]


def load_limited(spec: str, limit: int | None) -> Samples | EventSet:
    """Returns the data set, or its first `limit` images. Raises FirstspikeError if it holds none."""
    data = load(spec)
    if len(data) == 0:
        raise FirstspikeError(f"a data set must hold at least one image: {spec} holds none")
    return data if limit is None else data.head(limit)


def events_for(data: Samples | EventSet, network: Network, encoding: dict[str, Any]) -> EventSet:
    """Returns events for a compiled network. They are checked here, because a core only counts invalid events.

    encoding: name and late code, as `encoding_of` returns them.

    Raises FirstspikeError that names the first invalid event.
    """
    events = encoded(data, addresses=network.addresses, steps=network.steps, **encoding)
    check_events(events, network)
    return events


def encoded(data: Samples | EventSet, *, addresses: int, steps: int, name: str, late: int | None) -> EventSet:
    """Encodes values with the encoding of that name; returns events unchanged.

    Raises FirstspikeError if data and network differ in their number of inputs, and UsageError for a network that takes
    only events.
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
            "make events first, for example with firstspike encode images.npy --encoding binary -o events.npz"
        )
    return encode(data.values, name, steps=steps, late=late, labels=data.labels)
