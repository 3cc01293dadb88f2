"""The prose of the project keeps to its rules: no clipped forms, and every term is in the glossary."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest
from house import ROOT, shown, tracked

GLOSSARY = ROOT / "docs" / "glossary.md"
# A docstring or comment that begins like this leaves its subject to the line before it, or to nobody.
BEGINNING = re.compile(r"(The same|As|So|Of)\b")
CLIPPED = re.compile(
    r"\b(likewise|so many|as of|(comes?|came) of|go(es)? on with|gone on with|gets? over|got over|"
    r"for nobody|thereof|of such|such a one)\b",
    re.IGNORECASE,
)
TERMS = (
    *("Causal set", "Look-up", "Tie", "Silent", "Horizon", "Calendar queue", "Golden images", "theta"),
    *("Strict scoring", "TLAST to result", "First-spike latency", "Kernel, post-synaptic potential"),
)
Line = tuple[int, str]


def docstrings(tree: ast.Module) -> Iterator[Line]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text is not None:
                yield getattr(node, "lineno", 1), text


def comments(source: str) -> Iterator[tuple[int, int, str]]:
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield *token.start, token.string.lstrip("#: ")


def clipped_in_python(source: str) -> list[Line]:
    tree = ast.parse(source)
    found = [(line, text) for line, text in docstrings(tree) if BEGINNING.match(text)]
    texts = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    found += [(node.lineno, node.value) for node in texts if CLIPPED.search(node.value)]
    above = (-1, -1)
    for line, column, text in comments(source):
        continues = above == (line - 1, column)
        if CLIPPED.search(text) or (not continues and BEGINNING.match(text)):
            found.append((line, text))
        above = line, column
    return found


def clipped_in_text(source: str) -> list[Line]:
    """A paragraph, a heading or an item of a list begins where the line above is empty or the line has a mark."""
    prose = re.sub(r"```.*?```", lambda block: "\n" * block[0].count("\n"), source, flags=re.DOTALL)
    found, above = [], ""
    for number, line in enumerate(prose.splitlines(), 1):
        begins = not above.strip() or re.match(r"[#*\-0-9|]", line)
        if CLIPPED.search(line) or (begins and re.match(r"[#*\-0-9. ]*(The same|Of) ", line)):
            found.append((number, line))
        above = line
    return found


def written() -> list[Path]:
    """Returns every file whose prose counts: sources and pages, but not what this file itself must quote."""
    own = Path(__file__)
    return [path for path in tracked() if path.suffix in (".py", ".md", ".cpp", ".yaml") and path != own]


@pytest.mark.parametrize("suffix", [".py", ".md", ".cpp", ".yaml"])
def test_no_clipped_form_is_left(suffix: str) -> None:
    wrong = [
        f"{shown(path)}:{line}: {text.strip().splitlines()[0][:100]}"
        for path in written()
        if path.suffix == suffix
        for line, text in (clipped_in_python if suffix == ".py" else clipped_in_text)(path.read_text())
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ('"""The same, but faster."""', 1),
        ('"""Returns the same."""', 0),
        ("x = 1  # as of the header", 1),
        ("# So it goes.", 1),
        ("# A comment about sums,\n# so that it goes on here.", 0),
        ('print("so many images")', 1),
    ],
)
def test_the_search_finds_them(source: str, count: int) -> None:
    assert len(clipped_in_python(source)) == count


def test_the_glossary_has_the_terms_and_is_where_people_look() -> None:
    text = GLOSSARY.read_text()
    heads = re.findall(r"^\*\*(.+?)\.?\*\*", text, re.MULTILINE)
    assert set(TERMS) <= set(heads)
    assert len(set(heads)) == len(heads)
    assert "docs/glossary.md" in (ROOT / "README.md").read_text()
    assert "glossary.md" in (ROOT / "docs" / "index.md").read_text()
    every = " ".join(heads).lower()
    for term in re.findall(r"(?<!\*)\*([^*\n]+)\*(?!\*)", text):
        assert term.lower().rstrip("s") in every, f"{term!r} is in italics, and has no entry"
