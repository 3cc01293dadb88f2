"""Designs for place and route, identified by what they are made from."""

import hashlib
import json
from dataclasses import asdict
from importlib import metadata

from firstspike_contract import CoreConfig
from firstspike_hw.board.chains import emit_rtlil
from firstspike_hw.silicon.design import Design
from firstspike_hw.silicon.pll import Pll

from .sources import gateware_sources

__all__ = ["LANGUAGE", "core_in_chains", "language_version"]

LANGUAGE = "amaranth"


def language_version() -> str:
    """Returns the version of the gateware's language, Amaranth. Another version may generate another text."""
    return metadata.version(LANGUAGE)


def core_in_chains(config: CoreConfig, *, family: str, pll: Pll) -> Design:
    """Returns the design of a core in shift chains (board.chains), to be measured. pll: the clock it is routed for."""
    made_from = json.dumps(["chains", asdict(config), family, asdict(pll), language_version()])
    identity = hashlib.sha256("\0".join([made_from, *gateware_sources()]).encode()).hexdigest()
    return Design(identity, lambda: emit_rtlil(config, family=family, pll=pll))
