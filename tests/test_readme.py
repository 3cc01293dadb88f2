"""The README and the pages are true: their commands exist, their links lead to files, the example runs."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from firstspike.cli.app import COMMANDS
from firstspike_compiler.training import list_recipes

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").glob("*.md")]


def test_the_example_with_own_data_runs_as_printed(tmp_path: Path) -> None:
    block = re.search(r"<!-- example: begin -->\n```sh\n(.*?)```", README, re.DOTALL)
    assert block is not None
    assert len(block[1].splitlines()) <= 10
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block[1]],
        cwd=tmp_path,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"^images +20$", done.stdout, re.MULTILINE)
    assert (tmp_path / "my-decision.png").exists()


def test_every_make_command_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in [*PAGES, ROOT / ".ci" / "run"]:
        named = set(re.findall(r"(?:^ *|`)make ([a-z][a-z-]+)", page.read_text(), re.MULTILINE))
        assert named <= targets, page
    assert {"demo", "test", "setup", "data", "results-page"} <= targets


def test_every_command_of_the_readme_exists_and_every_command_is_in_the_readme() -> None:
    named = set(re.findall(r"firstspike ([a-z]+)\b", README.partition("## Your own data")[0]))
    assert named & set(COMMANDS) == set(COMMANDS)
    assert set(re.findall(r"^ {4}firstspike ([a-z]+)", README, re.MULTILINE)) <= set(COMMANDS)


def test_every_recipe_that_the_makefile_or_the_readme_names_exists() -> None:
    in_makefile = re.findall(r"firstspike train ([a-z0-9-]+)", (ROOT / "Makefile").read_text())
    in_readme = re.search(r"train an int8 network \((.*?)\)", README)
    assert in_readme is not None
    assert set(in_readme[1].split(", ")) <= set(list_recipes())
    assert in_makefile
    assert set(in_makefile) <= set(list_recipes())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_to_a_file(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)", page.read_text())
    broken = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert broken == []


def test_every_page_of_the_documentation_is_in_its_index() -> None:
    index = (ROOT / "docs" / "index.md").read_text()
    pages = [page.name for page in (ROOT / "docs").glob("*.md") if page.name != "index.md"]
    assert [page for page in pages if f"({page})" not in index] == []


def test_the_examples_readme_explains_exactly_the_existing_examples() -> None:
    explained = set(re.findall(r"`([\w.-]+\.nir)`", (ROOT / "examples" / "README.md").read_text()))
    assert explained == {path.name for path in (ROOT / "examples").glob("*.nir")}


def test_every_file_that_contributing_names_exists() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    named = set(re.findall(r"`((?:hw|compiler|sim|host|tests|docs)/[\w/.*-]+)`", text))
    assert len(named) > 60
    assert [name for name in sorted(named) if not list(ROOT.glob(name))] == []
