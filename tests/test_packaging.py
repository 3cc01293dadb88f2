"""The package has few dependencies with free licences, names no machine, and ships as a wheel that works."""

import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from house import ORDER, ROOT, tracked

RUNTIME = ("numpy", "yaml", "serial", "cobs")

# Code that blocks the import of all packages that the runtime must work without.
BLOCKER = f"""
import sys
ALLOWED = {{*sys.stdlib_module_names, *{RUNTIME!r}, *{(*ORDER, "_virtualenv")!r}}}
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in ALLOWED:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Blocker())
"""


def run_blocked(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", BLOCKER + code], capture_output=True, text=True, check=False)


def test_the_host_imports_with_the_runtime_packages_alone() -> None:
    code = """
import importlib, pkgutil, firstspike, firstspike.cli, firstspike.datasets, firstspike.report
import firstspike.board, firstspike.link, firstspike.virtual, firstspike.virtual.server
import firstspike_contract, firstspike_compiler.deployment
from firstspike.cli.app import COMMANDS
for name in COMMANDS:
    importlib.import_module(f"firstspike.cli.commands.{name}")
"""
    done = run_blocked(code)
    assert done.returncode == 0, done.stderr


def test_a_board_runs_with_the_runtime_packages_alone() -> None:
    """A virtual board does not import the simulated gateware either, because that takes longer than an image."""
    code = f"""
import firstspike
from firstspike_compiler.deployment import read_deployment
kept = read_deployment({str(ROOT / "tests/compiler/deployment/of_version_0.1.0")!r})
with firstspike.open("sim:small") as board:
    board.load(kept)
    answers = board.run(kept.golden.events, spikes=True)
assert (answers.batch.results == kept.golden.batch.results).all()
assert not [name for name in sys.modules if name.startswith(("firstspike_sim.rtl", "firstspike_hw"))]
"""
    done = run_blocked(code)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("words", "package", "extra"),
    [
        (["check", "net.nir"], "jsonschema", "compile"),
        (["train", "yinyang", "-o", "new.nir"], "numba", "sim"),
    ],
)
def test_a_command_that_needs_an_extra_names_the_install_line(
    words: list[str], package: str, extra: str, tmp_path: Path
) -> None:
    (tmp_path / "net.nir").write_bytes(b"\x89HDF\r\n\x1a\n")
    code = f"import os; os.chdir({str(tmp_path)!r}); from firstspike.cli import main; sys.exit(main({words!r}))"
    done = run_blocked(code)
    assert done.stderr == (
        f"error: firstspike {words[0]} needs the package {package}, which is not installed; "
        f"install it with: pip install 'firstspike[{extra}]'\n"
    )
    assert (done.returncode, done.stdout) == (2, "")


# Development tools under the Mozilla licence (file-level copyleft). They are used, but never shipped.
TOOLS_UNDER_MPL = {
    "hypothesis": "property tests",
    "pathspec": "needed by mypy and hatchling",
    "certifi": "needed by pip",
}


def requirements(name: str, *, extras: frozenset[str], seen: set[str]) -> set[str]:
    """Returns the names of the installed distributions that `name` requires, directly or not, and `name` itself."""
    if name in seen:
        return seen
    seen.add(name)
    for line in metadata.requires(name) or []:
        wanted = re.match(r"[A-Za-z0-9._-]+", line)
        extra = re.search(r"""extra\s*==\s*["']([\w-]+)""", line)
        if wanted and (extra is None or extra[1] in extras):
            child = re.sub(r"[-_.]+", "-", wanted[0]).lower()
            if child == "firstspike" or is_installed(child):
                requirements(child, extras=frozenset(), seen=seen)
    return seen


def is_installed(name: str) -> bool:
    try:
        return bool(metadata.version(name))
    except metadata.PackageNotFoundError:
        return False


def licence(name: str) -> str:
    about = metadata.metadata(name)
    classifiers = [text for text in about.get_all("Classifier") or [] if text.startswith("License")]
    first_line = (about.get("License") or "").strip().partition("\n")[0]
    return " ".join([about.get("License-Expression") or "", first_line, *classifiers])


def test_no_dependency_is_under_a_copyleft_licence() -> None:
    every_extra = frozenset(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"])
    found = requirements("firstspike", extras=every_extra, seen=set())
    assert {"numpy", "nir", "numba", "matplotlib", "pytest"} <= found  # requirements() does follow the dependencies
    copyleft = {name: licence(name) for name in found if re.search(r"\b[AL]?GPL|GNU|MPL|EUPL|CeCILL", licence(name))}
    assert {name: text for name, text in copyleft.items() if name not in TOOLS_UNDER_MPL} == {}
    runtime = requirements("firstspike", extras=every_extra - {"dev"}, seen=set())
    assert not runtime & set(TOOLS_UNDER_MPL), "the Mozilla licence is accepted for development tools only"


def test_every_dependency_has_its_reason_beside_it() -> None:
    text = (ROOT / "pyproject.toml").read_text().partition("[project.scripts]")[0]
    bare = [line.strip() for line in text.splitlines() if re.match(r'    "[^"]+",\s*$', line)]
    assert [line for line in bare if not line.startswith('"firstspike[')] == []


def package_hosts() -> set[str]:
    """Returns the package hosts that pip and npm are configured with on this machine, except the public ones."""
    commands = (
        [sys.executable, "-m", "pip", "config", "list"],
        ["npm", "config", "get", "registry"],
    )
    said = ""
    for command in commands:
        try:
            said += subprocess.run(command, capture_output=True, text=True, check=False).stdout
        except OSError:
            continue
    hosts = {host.rpartition("@")[2] for host in re.findall(r"https?://([^/\s'\"]+)", said)}
    return hosts - {"pypi.org", "registry.npmjs.org"}


def test_no_tracked_file_names_a_machine() -> None:
    home = re.compile(r"(?<![\w.<>/])/(?:home|Users|root|work)/[A-Za-z]")
    hosts = package_hosts()
    wrong = []
    for path in tracked():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue  # binary file
        for number, line in enumerate(text.splitlines(), 1):
            if home.search(line) or any(host in line for host in hosts):
                wrong.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}")
    assert wrong == []


WITHOUT_EXTRAS = """
import sys
import firstspike, firstspike.cli, firstspike.datasets, firstspike.examples, firstspike_compiler.deployment
assert not {"nir", "h5py", "jsonschema", "numba", "matplotlib", "torch"} & set(sys.modules)
print(firstspike.examples.example("mnist-784-600-10.nir"))
print(sys.prefix)
"""


@pytest.mark.slow
def test_the_wheel_works_in_an_environment_without_extras(tmp_path: Path) -> None:
    """Installs the wheel in a new environment with numpy, pyyaml, pyserial and cobs only. Needs a package index."""

    def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run([str(word) for word in words], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert run(sys.executable, "-m", "pip", "wheel", "--no-deps", "-w", tmp_path, ROOT).returncode == 0
    assert run(sys.executable, "-m", "venv", tmp_path / "venv").returncode == 0
    python, (wheel,) = tmp_path / "venv" / "bin" / "python", tmp_path.glob("*.whl")
    installed = run(python, "-m", "pip", "install", "--disable-pip-version-check", wheel)
    assert installed.returncode == 0, installed.stderr
    done = run(python, "-c", WITHOUT_EXTRAS)
    assert done.returncode == 0, done.stderr
    network, prefix = done.stdout.splitlines()
    assert Path(network).is_relative_to(prefix)  # the wheel contains the example
    refused = run(python, "-m", "firstspike", "check", network)
    assert refused.returncode == 2
    assert refused.stderr.endswith("install it with: pip install 'firstspike[compile]'\n")
    assert run(python, "-m", "firstspike", "doctor").returncode == 0
    # A host script in that environment compares a board with the plain model, on a deployment compiled outside it.
    made = run(sys.executable, "-m", "firstspike", "compile", network, "-o", tmp_path / "mnist")
    assert made.returncode == 0, made.stderr
    streamed = run(python, ROOT / "examples" / "stream_mnist.py", "sim:", "20", tmp_path / "mnist")
    assert (streamed.returncode, streamed.stderr) == (0, "")
    assert streamed.stdout.startswith("sim:: 20 digits, 20 right, 0 different from the model")
