"""Lists the source files of the project, their modules and their imports, for the tests of the house rules."""

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# The order of packages: a package may import packages before it, never one after it. BESIDE in tests/test_house.py has
# the pairs that may not import each other at all.
ORDER = ("firstspike_contract", "firstspike_hw", "firstspike_compiler", "firstspike_sim", "firstspike")
FOLDERS = (
    *("hw/firstspike_contract", "hw/firstspike_hw", "compiler/firstspike_compiler", "sim/firstspike_sim"),
    "host/firstspike",
)
SOURCES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))


def module_name(path: Path) -> str:
    folder = next(folder for folder in FOLDERS if path.is_relative_to(ROOT / folder))
    parts = path.relative_to((ROOT / folder).parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def imports(source: ast.Module, module: str, *, is_package: bool) -> Iterator[tuple[str, str]]:
    """Yields (absolute module, imported name or "") for every import of a file, nested ones included."""
    parts = module.split(".")
    for node in ast.walk(source):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = parts[: len(parts) - node.level + is_package] if node.level else []
            prefix = ".".join([*base, *([node.module] if node.module else [])])
            yield from ((prefix, alias.name) for alias in node.names)


def imports_of(path: Path) -> list[str]:
    """Returns all modules that a file may import.

    The name x in `from package import x` may be a module, therefore the list holds `package` and `package.x`.
    """
    found = imports(tree(path), module_name(path), is_package=path.name == "__init__.py")
    return [reading for module, name in found for reading in (module, *([f"{module}.{name}"] if name else []))]


@cache
def graph() -> dict[str, set[str]]:
    """Returns module -> imported modules of the project; a submodule counts itself, not the package that holds it."""
    modules = {module_name(path): path for path in SOURCES}
    found: dict[str, set[str]] = {}
    for module, path in modules.items():
        found[module] = set()
        for prefix, name in imports(tree(path), module, is_package=path.name == "__init__.py"):
            full = f"{prefix}.{name}"
            target = full if full in modules and name not in _defined(modules, prefix) else prefix
            if target in modules and target != module:
                found[module].add(target)
    return found


def _defined(modules: dict[str, Path], module: str) -> set[str]:
    """Returns the names that a module of the project defines or imports at its top level."""
    if module not in modules:
        return set()
    names: set[str] = set()
    for node in tree(modules[module]).body:
        if isinstance(node, ast.ImportFrom | ast.Import):
            names |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
    return names


def circles(arrows: dict[str, set[str]]) -> list[list[str]]:
    """Returns the groups of modules that import each other in circles (Tarjan's algorithm)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(module: str) -> None:
        index[module] = low[module] = len(index)
        stack.append(module)
        for other in arrows.get(module, ()):
            if other not in index:
                visit(other)
                low[module] = min(low[module], low[other])
            elif other in stack:
                low[module] = min(low[module], index[other])
        if low[module] == index[module]:
            circle = stack[stack.index(module) :]
            del stack[stack.index(module) :]
            if len(circle) > 1:
                found.append(sorted(circle))

    for module in sorted(arrows):
        if module not in index:
            visit(module)
    return found


def part(package: str) -> list[Path]:
    return [path for path in SOURCES if f"{module_name(path)}.".startswith(f"{package}.")]


def tracked() -> list[Path]:
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("not a git checkout")
    return [path for name in done.stdout.split("\0") if name and (path := ROOT / name).is_file()]
