"""Prepares RTLIL for synthesis: known contents in the block memories, and one copy of modules that are alike."""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from firstspike_hw.fabric.memory_port import Contents

__all__ = [
    "BlockMemory",
    "block_memories",
    "known_contents",
    "prepared",
    "share_modules",
    "with_contents",
    "without_collisions",
]

# Modules that synthesis must keep: their registers are copies for fan-out, which it would merge otherwise.
KEPT_MODULES: Final = ("*.lanes?", "*.lanes??", "*.group?", "*.group??", "*.plastic?", "*.plastic??", "*.relay*")

_MODULE: Final = re.compile(r"^module \\(\S+)$", re.MULTILINE)
_MEMORY: Final = re.compile(r"((?:^  attribute .*\n)*)^  memory width (\d+) size (\d+) \\(\S+)$", re.MULTILINE)
_PORT: Final = re.compile(r"^  wire (?:width \d+ )?(?:signed )?(?:input|output) (\d+)\s+(\S+)$", re.MULTILINE)
_NAME: Final = re.compile(r"\\[^\s\[\]]+")
_QUEUE_ADDRESS: Final = re.compile(
    r"^  attribute \\init \S+\n(  wire width \d+ \\(?:consume|r_port__addr)\n)", re.MULTILINE
)
_NUMBER: Final = re.compile(r"\$\d+")


@dataclass(frozen=True, kw_only=True)
class BlockMemory:
    """A memory that lies in block RAM.

    path:  path of its module, then its own name, without the numbers that the generator adds.
    width: bits of a word.
    depth: words.
    """

    path: str
    width: int
    depth: int


def prepared(rtlil: str, family: str) -> str:
    """Returns the text for synthesis.

    Its memories have known contents, no logic guards against collisions that do not matter, and modules that are alike
    stand there once. For iCE40, no memory is marked to lie in tables.
    """
    text = share_modules(without_collisions(with_contents(rtlil, known_contents)))
    return without_lut_memories(text) if family == "ice40" else text


def without_lut_memories(rtlil: str) -> str:
    """Returns the design for a device whose tables cannot be memories: these may lie in blocks or registers instead.

    A queue is read in the cycle of its address, which a block cannot do. But the block's own address register can
    replace the register that the address comes from, if that has no initial value (the reset gives it the same one).
    """
    text = rtlil.replace('  attribute \\ram_style "distributed"\n', "")
    return _QUEUE_ADDRESS.sub(r"\g<1>", text)


def _modules(rtlil: str) -> tuple[str, list[str]]:
    """Returns the text before the modules, and the text of each module."""
    head, *modules = re.split(r"^(?=attribute \\generator)", rtlil, flags=re.MULTILINE)
    return head, modules


def _name(module: str) -> str:
    found = _MODULE.search(module)
    assert found is not None
    return found[1]


def _in_blocks(module: str) -> list[tuple[str, BlockMemory]]:
    """Returns (name in the module, memory) of each memory that is marked to lie in block RAM."""
    name, found = _NUMBER.sub("", _name(module)), []
    for attributes, width, depth, memory in _MEMORY.findall(module):
        if '\\ram_style "block"' in attributes:
            path = f"{name}.{_NUMBER.sub('', memory)}"
            found.append((memory, BlockMemory(path=path, width=int(width), depth=int(depth))))
    return found


def block_memories(rtlil: str) -> list[BlockMemory]:
    """Returns every memory that is marked to lie in block RAM, in the order of the text."""
    return [memory for module in _modules(rtlil)[1] for _, memory in _in_blocks(module)]


def known_contents(memory: BlockMemory) -> Contents:
    """Returns pseudo-random bits that identify the memory in a routed design, uint8 ``[depth, width]``."""
    seed = int.from_bytes(hashlib.sha256(memory.path.encode()).digest()[:8], "little")
    return np.random.default_rng(seed).integers(0, 2, (memory.depth, memory.width), np.uint8)


def with_contents(rtlil: str, contents: Callable[[BlockMemory], Contents]) -> str:
    """Returns the design with `contents` as the first contents of its block memories, uint8 ``[depth, width]``."""
    head, modules = _modules(rtlil)
    for n, module in enumerate(modules):
        for name, memory in _in_blocks(module):
            bits = contents(memory)[::-1, ::-1].reshape(-1)  # RTLIL writes the highest bit first
            text = (bits + ord("0")).astype(np.uint8).tobytes().decode()
            memory_id = rf'    parameter \\MEMID "\\\\{re.escape(name)}"\n'
            cell = rf"(  cell \$meminit_v2 \S+\n{memory_id}(?:    .*\n)*?    connect \\DATA )\S+"
            module, count = re.subn(cell, rf"\g<1>{len(bits)}'{text}", module)
            if count != 1:
                raise ValueError(f"{memory.path} must have its first contents in one place, not in {count}")
        modules[n] = module
    return head + "".join(modules)


def without_collisions(rtlil: str) -> str:
    """Returns the design with a mark on the memories that are declared memory_port.APART.

    In these, a word that was read while it was written is never used. Without the mark, synthesis adds a comparison
    and a copy to every block, in its slowest path.
    """
    head, modules = _modules(rtlil)
    for n, module in enumerate(modules):
        for attributes, _, _, name in _MEMORY.findall(module):
            if "\\read_and_written_apart" in attributes:
                memory_id = rf'    parameter \\MEMID "\\\\{re.escape(name)}"\n'
                ports = rf"(  cell \$memrd_v2 \S+\n{memory_id}(?:    .*\n)*?    parameter \\COLLISION_X_MASK 1')0"
                module = re.sub(ports, r"\g<1>1", module)
        modules[n] = module
    return head + "".join(modules)


def share_modules(rtlil: str) -> str:
    """Returns the design with one module in place of several that differ only in names, names of ports included."""
    head, modules = _modules(rtlil)
    ports: dict[str, Mapping[str, str]] = {}
    for module in modules:
        top = "\\top 1" in module.partition("\nmodule")[0]
        ports[_name(module)] = {} if top else {name: f"\\port{n}" for n, name in _PORT.findall(module)}
    modules = [_with_plain_ports(module, ports) for module in modules]
    while True:
        first: dict[str, str] = {}
        same: dict[str, str] = {}
        kept = []
        for module in modules:
            name = _name(module)
            original = first.setdefault(_anonymous(module), name)
            if original == name:
                kept.append(module)
            else:
                same[name] = original
        if not same:
            return head + "".join(modules)
        modules = [_with_cells_renamed(module, same) for module in kept]


def _with_cells_renamed(module: str, names: Mapping[str, str]) -> str:
    return re.sub(r"^  cell \\(\S+) ", lambda m: f"  cell \\{names.get(m[1], m[1])} ", module, flags=re.MULTILINE)


def _with_plain_ports(module: str, ports: Mapping[str, Mapping[str, str]]) -> str:
    """Returns the module with numbers as names of its ports, and of the ports of modules in it."""
    own = ports[_name(module)]

    def renamed(text: str) -> str:
        return _NAME.sub(lambda name: own.get(name[0], name[0]), text)

    lines, inside = [], None
    for line in module.split("\n"):
        if line.startswith("  cell "):
            inside = ports.get(line.split()[1].removeprefix("\\"))
        elif line.startswith("    connect "):
            _, port, wires = line.strip().split(" ", 2)
            line = f"    connect {(inside or {}).get(port, port)} {renamed(wires)}"
        elif not line.startswith(("module ", "    parameter ")) and not line.lstrip().startswith("attribute "):
            line = renamed(line)
        lines.append(line)
    return "\n".join(lines)


def _anonymous(module: str) -> str:
    """Returns a hash of a module's text without its name and without numbers that only distinguish names."""
    seen: dict[str, str] = {}
    text = _MODULE.sub("module", module, count=1)
    text = _NUMBER.sub(lambda number: seen.setdefault(number[0], f"${len(seen)}"), text)
    return hashlib.sha256(text.encode()).hexdigest()
