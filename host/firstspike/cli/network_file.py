"""Reads a network for `check`, `compile` and `inspect`. Options supply the facts that its file may lack.

Tested by tests/host/cli/test_bad_networks.py and tests/host/cli/test_bad_input.py.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from firstspike_contract.common.errors import UsageError

from .options import number

if TYPE_CHECKING:
    from firstspike_compiler.ir import NetworkIR

__all__ = ["add_network_options", "read_network"]


def add_network_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options for a .nir file that was not written by firstspike."""
    group = parser.add_argument_group("options for a file without firstspike's metadata")
    group.add_argument("--kernel", help="kernel of the network: linear, exponential, lif-2to1, alpha or step")
    group.add_argument("--t-max", type=number("1.4"), metavar="TIME", help="length of the time window")
    group.add_argument("--encoding", help="encoding of the input values: binary, two-time, latency or events")
    group.add_argument(
        "--t-late", type=number("1.2"), metavar="TIME", help="time of the latest input spike, for two-time and latency"
    )


def read_network(args: argparse.Namespace, path: Path) -> "NetworkIR":
    """Reads the network in a .nir file. Raises FirstspikeError if the file holds none, UsageError for wrong options."""
    from firstspike_compiler.formats.nir.reader import read_nir
    from firstspike_compiler.ir import Encoding

    if args.t_late is not None and args.encoding is None:
        raise UsageError(
            "--t-late needs the option --encoding two-time or latency; for example --encoding latency --t-late 1.2"
        )
    encoding = None if args.encoding is None else Encoding(name=args.encoding, t_late=args.t_late)
    return read_nir(path, kernel=args.kernel, t_max=args.t_max, encoding=encoding)
