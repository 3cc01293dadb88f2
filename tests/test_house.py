"""Enforces the rules of the house (DESIGN.md of the project, section 5) on the source itself."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from house import (
    ORDER,
    SOURCES,
    circles,
    graph,
    imports,
    imports_of,
    module_name,
    part,
    shown,
    tree,
)

CONTRACT = "firstspike_contract"
DEPLOYMENT = "firstspike_compiler.deployment"

# Pairs of packages that do not import each other, although one stands before the other in ORDER. The host passes what
# one needs from the other.
BESIDE = {("firstspike_compiler", "firstspike_hw")}

# The rooms (folders) of each package, each with the rooms of that package that it may import. A room that is not listed
# may import all of them.
ROOMS = {
    "firstspike_contract": {
        "common": (),
        "arithmetic": ("common",),
        "core": ("common", "arithmetic"),
        "link": ("common", "arithmetic", "core"),
    },
    "firstspike_hw": {
        "fabric": (),
        "spikes": ("fabric",),
        "learning": ("fabric", "spikes"),
        "stage": ("fabric", "spikes", "learning"),
        "core": ("fabric", "spikes", "learning", "stage"),
        "link": ("fabric",),
        "silicon": ("fabric",),
        "board": ("fabric", "core", "link", "silicon"),
        "emit": ("fabric", "core", "link", "silicon", "board"),
    },
    "firstspike": {
        "link": (),
        "virtual": ("link",),
        "board": ("link", "virtual"),
        "datasets": (),
        "examples": (),
        "learning": ("link", "board"),
        "report": ("learning",),
        "cli": ("link", "virtual", "board", "datasets", "examples", "learning", "report"),
    },
}


def rank(module: str) -> int | None:
    return next((n for n, package in enumerate(ORDER) if f"{module}.".startswith(f"{package}.")), None)


def outsiders(path: Path) -> set[str]:
    """Returns imported top-level packages that belong neither to this project nor to the standard library."""
    import sys

    tops = {name.partition(".")[0] for name in imports_of(path)}
    return {top for top in tops if rank(top) is None and top not in sys.stdlib_module_names}


def test_all_forms_of_imports_are_found() -> None:
    source = "def f():\n    from ..sim import fast\nfrom . import g\nimport os.path\nfrom a.b import c"
    assert set(imports(ast.parse(source), "p.q.r", is_package=False)) == {
        *(("p.sim", "fast"), ("p.q", "g"), ("os.path", ""), ("a.b", "c"))
    }
    assert set(imports(ast.parse("from .x import y"), "p.q", is_package=True)) == {("p.q.x", "y")}


def test_a_package_imports_only_itself_and_those_before_it() -> None:
    wrong = []
    for path in SOURCES:
        mine = rank(module_name(path))
        for name in imports_of(path):
            theirs = rank(name)
            if mine is None or theirs is None or mine == theirs:
                continue
            if theirs > mine or (ORDER[mine], ORDER[theirs]) in BESIDE:
                wrong.append(f"{shown(path)} imports {name}")
    assert not wrong, "imports against contract <- {hw, compiler} <- sim <- host:\n" + "\n".join(wrong)


@pytest.mark.parametrize("package", ROOMS)
def test_a_room_imports_only_those_before_it(package: str) -> None:
    wrong = []
    for module, others in graph().items():
        top, _, rest = module.partition(".")
        room = rest.partition(".")[0]
        if top != package or room not in ROOMS[package]:
            continue
        for other in others:
            theirs = other.removeprefix(f"{package}.").partition(".")[0]
            if other.startswith(f"{package}.") and theirs not in (room, *ROOMS[package][room]):
                wrong.append(f"{module} imports {other}")
    assert not wrong, "\n".join(wrong)


def test_every_room_of_the_gateware_and_the_contract_is_listed() -> None:
    rooms = {
        module.split(".")[1] for module in graph() if module.startswith(("firstspike_hw.", "firstspike_contract."))
    }
    assert rooms == {*ROOMS["firstspike_hw"], *ROOMS["firstspike_contract"]}


def test_the_board_package_imports_only_pll_from_silicon() -> None:
    taken = {o for m, others in graph().items() if m.startswith("firstspike_hw.board") for o in others}
    assert {other for other in taken if other.startswith("firstspike_hw.silicon")} == {"firstspike_hw.silicon.pll"}


def test_no_module_but_the_app_imports_a_command() -> None:
    commands = "firstspike.cli.commands."
    wrong = [
        f"{module} imports {other}"
        for module, others in graph().items()
        for other in others
        if other.startswith(commands) and module != "firstspike.cli.app"
    ]
    assert wrong == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": set()}) == [["a", "b", "c"]]
    assert circles(graph()) == []


def test_the_contract_imports_numpy_only() -> None:
    assert {shown(p): outsiders(p) - {"numpy"} for p in part(CONTRACT) if outsiders(p) - {"numpy"}} == {}


def test_the_deployment_is_read_and_written_with_numpy_and_pyyaml_alone() -> None:
    for path in part(DEPLOYMENT):
        assert not outsiders(path) - {"numpy", "yaml"}, path
        ours = {name for name in imports_of(path) if rank(name) == ORDER.index("firstspike_compiler")}
        assert all(name.startswith(DEPLOYMENT) for name in ours), (path, ours)


# Names


def says_what_is_public(source: str) -> bool:
    body = ast.parse(source).body
    only_docstring = all(isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) for node in body)
    return only_docstring or re.search(r"^__all__\b", source, re.MULTILINE) is not None


def test_every_module_says_what_is_public() -> None:
    assert says_what_is_public('"""Nothing here."""')
    assert not says_what_is_public('"""Something."""\nX = 1')
    assert [shown(p) for p in SOURCES if not says_what_is_public(p.read_text())] == []


# Class names that several files define, each with the reason.
SHARED_NAMES = {"Phase": "states of the unit in the same file, used nowhere else"}


def test_a_class_has_a_name_of_its_own() -> None:
    """A class name has one meaning in the whole project, so that a reader can search for it."""
    homes: dict[str, list[str]] = {}
    for path in SOURCES:
        for node in tree(path).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes.setdefault(node.name, []).append(shown(path))
    several = {name: files for name, files in homes.items() if len(files) > 1 and name not in SHARED_NAMES}
    assert several == {}


# Bits

# Layouts and registers are packed, unpacked and sliced by the code that describes them (contract.common.layout and
# hw.fabric.layouts); no other code shifts, masks or slices one. Code that shifts for another reason is listed here:
# file -> number of places, reason.
SHIFTS = {
    "compiler/firstspike_compiler/integers.py": (1, "a threshold of fewer fraction bits"),
    "host/firstspike/datasets/npz.py": (1, "permissions of a file, less the user's mask"),
    "host/firstspike/link/faults.py": (3, "bits of a byte that a bad line flips"),
    "host/firstspike/virtual/server.py": (1, "noise: bytes that are no frame"),
    "hw/firstspike_contract/arithmetic/random_bits.py": (8, "the generator's own arithmetic: rotations, keys, chances"),
    "hw/firstspike_contract/common/layout.py": (11, "pack and unpack"),
    "hw/firstspike_hw/board/chains.py": (1, "a shift chain"),
    "hw/firstspike_hw/core/contents.py": (4, "numbers as columns of bits, and back"),
    "hw/firstspike_hw/core/registers.py": (6, "the matrix of CRC-32"),
    "hw/firstspike_hw/fabric/layouts.py": (2, "pack and unpack in gateware"),
    "hw/firstspike_hw/fabric/weights.py": (1, "a power of two"),
    "hw/firstspike_hw/learning/row_bits.py": (2, "single bits of a row's number, each with its key"),
    "hw/firstspike_hw/learning/stage_learning.py": (2, "halves of the lanes"),
    "hw/firstspike_hw/learning/teacher.py": (3, "a one-hot stage, shifted on"),
    "hw/firstspike_hw/link/dispatcher.py": (1, "whether a length is whole words"),
    "hw/firstspike_hw/link/frame_sender.py": (2, "which byte of a record is next"),
    "hw/firstspike_hw/link/link_registers.py": (4, "which word of the block an address means"),
    "hw/firstspike_hw/link/sending.py": (3, "powers of two: a frame's size and the waits"),
    "hw/firstspike_hw/silicon/blocks.py": (8, "bits in the block memories of a bitstream"),
    "hw/firstspike_hw/silicon/carries.py": (1, "an entry of a look-up table"),
    "hw/firstspike_hw/silicon/ecp5.py": (11, "the ECP5's bitstream: its rows of bits and its CRC-16"),
    "hw/firstspike_hw/silicon/ice40.py": (8, "the iCE40's bitstream"),
    "hw/firstspike_hw/spikes/serialiser.py": (4, "which lanes fire: a set of lanes, not a layout"),
    "sim/firstspike_sim/model/kernel.py": (
        3,
        "events as numbers: numba takes no Layout; places are those of EVENT_BEAT",
    ),
    "sim/firstspike_sim/model/learn_kernel.py": (35, "64 neurons to a word, and the generator's arithmetic"),
}
GATEWARE = tuple(
    f"hw/firstspike_hw/{room}/" for room in ("fabric", "spikes", "learning", "stage", "core", "link", "board")
)


def shifts(source: ast.Module, *, gateware: bool) -> Iterator[int]:
    """Yields the lines that shift, that mask with a number or, in gateware, that slice at a constant position."""
    for node in ast.walk(source):
        if isinstance(node, ast.BinOp | ast.AugAssign):
            operands = [node.left, node.right] if isinstance(node, ast.BinOp) else [node.value]
            masks = isinstance(node.op, ast.BitAnd) and any(_is_number(operand) for operand in operands)
            if isinstance(node.op, ast.LShift | ast.RShift) or masks:
                yield node.lineno
        elif gateware and isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
            ends = [end.value for end in (node.slice.lower, node.slice.upper) if isinstance(end, ast.Constant)]
            if any(isinstance(end, int) and end not in (0, 1) for end in ends):  # [1:] and [:1] are allowed
                yield node.lineno


def _is_number(node: ast.expr) -> bool:
    if isinstance(node, ast.UnaryOp):
        return _is_number(node.operand)
    return isinstance(node, ast.Constant) and type(node.value) is int


def test_shifts_masks_and_slices_are_found() -> None:
    found = ["a << 8", "a >> k", "a & 0xFF", "a & ~3", "a &= 7", "b[8:]", "b[:16]", "b[2 : 2 + n]"]
    assert [list(shifts(ast.parse(text), gateware=True)) for text in found] == [[1]] * len(found)
    for text in ("a & b", "a | 1", "b[1:]", "b[n:]", "b[3]", "a // 4"):
        assert list(shifts(ast.parse(text), gateware=True)) == [], text


def test_nobody_shifts_a_register_or_a_layout_by_hand() -> None:
    counts = Counter(
        {shown(path): len(list(shifts(tree(path), gateware=shown(path).startswith(GATEWARE)))) for path in SOURCES}
    )
    found = {name: count for name, count in counts.items() if count}
    allowed = {name: count for name, (count, _) in SHIFTS.items()}
    more = {
        name: f"{count}, not {allowed.get(name, 0)}" for name, count in found.items() if count > allowed.get(name, 0)
    }
    assert not more, (
        "fields of registers and layouts are packed and unpacked by name (contract.common.layout, fabric.layouts); "
        f"list code that shifts for another reason in SHIFTS: {more}"
    )
    assert {name: count for name, count in allowed.items() if found.get(name, 0) < count} == {}, "SHIFTS is too long"


def test_every_silenced_warning_names_what_it_silences() -> None:
    silent = re.compile(r"#\s*(noqa(?!:)|type:\s*ignore(?!\[))")
    assert [path for path in SOURCES if silent.search(path.read_text())] == []
