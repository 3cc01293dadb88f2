"""Records have the published fields, and every figure in the documentation comes from them."""

import importlib
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
GOOD: dict[str, Any] = {
    **{"command": "firstspike simulate build/demo --data mnist:test --json", "commit": "0123abc", "date": "2026-11-22"},
    **{"seed": 1, "network": "examples/net.nir", "target": "ulx3s-85f", "dataset": "mnist", "split": "test"},
    **{"images": 10_000, "kernel": "linear", "steps": 6.875, "accuracy": 0.98765, "spikes_total": 118.43},
    **{"lookups_0": 0.131, "lookups_1": 0.025, "inputs": 784, "inputs_seen": 784, "level": "model"},
}


@pytest.fixture
def records(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module("records")


@pytest.fixture
def results_page(records: ModuleType) -> ModuleType:
    return importlib.import_module("results_page")


def test_every_record_in_the_repository_has_the_published_form(records: ModuleType) -> None:
    for path in sorted((ROOT / "benchmarks" / "results").glob("*.json")):
        assert path.stem in records.TOPICS, f"{path.name} is no topic; one of {records.TOPICS}"
        content = json.loads(path.read_text())
        assert isinstance(content, list), f"{path.name} is a JSON array of records"
        assert [(n, records.faults(record)) for n, record in enumerate(content) if records.faults(record)] == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"seed": "1"}, "seed is '1'"),
        ({"images": True}, "images is True"),
        ({"commit": "main"}, "commit is 'main'"),
        ({"date": "22.11.2026"}, "date is '22.11.2026'"),
        ({"lookups": [0.1, 0.2]}, "lookups is [0.1, 0.2]"),
        ({"Accuracy": 1.0}, "'Accuracy' is no figure's name, such as spikes_total"),
        ({"accuracy": float("nan")}, "accuracy is not a number"),
    ],
)
def test_a_wrong_record_is_told_what_is_wrong(records: ModuleType, change: dict[str, Any], fault: str) -> None:
    assert records.faults(GOOD) == []
    assert records.faults({**GOOD, **change}) == [fault]


def test_a_record_needs_every_published_field(records: ModuleType) -> None:
    for name in records.FIELDS:
        assert records.faults({k: v for k, v in GOOD.items() if k != name}) == [f"{name} is missing"]
    assert records.faults([1]) == ["a record is an object, not [1]"]


def test_nested_figures_are_flattened_with_underscores(records: ModuleType) -> None:
    nested = {"cycles": {"mean": 1, "p99": 3}, "lookups": [0.5, 0.25], "empty": [], "a": {"b": {"c": None}}}
    assert records.flat(nested) == {
        "cycles_mean": 1,
        "cycles_p99": 3,
        "lookups_0": 0.5,
        "lookups_1": 0.25,
        "a_b_c": None,
    }


def test_saving_and_loading_give_the_records_back(records: ModuleType, tmp_path: Path) -> None:
    assert records.load("mnist", tmp_path) == []
    tmp_path /= "results"
    records.save("mnist", [GOOD, {**GOOD, "seed": None}], tmp_path)
    assert records.load("mnist", tmp_path) == [GOOD, {**GOOD, "seed": None}]
    assert len((tmp_path / "mnist.json").read_text().splitlines()) == 4


def test_the_documentation_shows_the_recorded_figures_and_no_others(
    records: ModuleType, results_page: ModuleType
) -> None:
    made = results_page.pages(
        {topic: records.load(topic) for topic in records.TOPICS}, (ROOT / "README.md").read_text()
    )
    for name, text in made.items():
        assert (ROOT / name).read_text() == text, f"{name} is not what `make results-page` writes"


def test_a_figure_goes_from_the_record_into_the_readme_and_the_page(results_page: ModuleType) -> None:
    readme = f"# x\n{results_page.BEGIN}\nold\n{results_page.END}\nrest\n"
    made = results_page.pages({"mnist": [GOOD]}, readme)
    row = "| `net` | linear | 784 of 784 inputs | 98.77 % | 118.4 | 13.10 % / 2.50 % | 6.9 |"
    published = "| Mostafa et al. 2017 (published) |  |  | 97.00 % | 139 | 13.00 % / 5.00 % | 167 |"
    for name in ("README.md", "docs/results.md"):
        assert row in made[name].splitlines()
        assert published in made[name].splitlines()
    assert "old" not in made["README.md"]
    assert made["README.md"].endswith(f"{results_page.END}\nrest\n")
    assert "| `accuracy` | 0.9877 |" in made["docs/results.md"].splitlines()
    assert "`firstspike simulate build/demo --data mnist:test --json`" in made["docs/results.md"]
    assert made["docs/results-mnist.svg"].count("<circle") == 2
    assert results_page.pages({"mnist": [GOOD]}, made["README.md"]) == made  # settled


def test_without_records_the_documentation_says_so(results_page: ModuleType) -> None:
    made = results_page.pages({}, f"{results_page.BEGIN}{results_page.END}")
    assert made["README.md"] == f"{results_page.BEGIN}\n{results_page.NONE_YET}\n{results_page.END}"
    assert set(made) == {"README.md", "docs/results.md"}


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 139, [0, 50, 100, 150]),
        (97, 98.9, [97, 97.5, 98, 98.5, 99]),
        (98, 98, [80, 100]),
        (0, 0, [-0.2, 0, 0.2]),
    ],
)
def test_ticks_are_round_and_reach_over_the_data(
    records: ModuleType, low: float, high: float, expected: list[float]
) -> None:
    assert importlib.import_module("plots").ticks(low, high) == pytest.approx(expected)


def test_the_gateware_has_a_table_of_its_own(results_page: ModuleType) -> None:
    rtl = {**GOOD, "level": "rtl", "core": "fast", "steps_grid": 16, "mismatches": 0, "accuracy": 0.5}
    rtl |= {"cycles_mean": 378.92, "cycles_p99": 667.0, "latency_alone_p99": 665.0}
    page = results_page.pages({"mnist": [GOOD, rtl]}, f"{results_page.BEGIN}{results_page.END}")["docs/results.md"]
    assert "| `net` | fast | 16 | 10,000 | 0 | 378.9 | 667 | 665 |" in page.splitlines()
    assert "50.00 %" not in page  # accuracies are the model's


def test_learning_is_shown_by_start_over_its_seeds(results_page: ModuleType) -> None:
    course = {**GOOD, "start": "scratch", "epochs": 20, "images": 55_000, "accuracy_before": 0.1, "trigger_rate": 0.125}
    held_out = {**course, "split": "held-out", "accuracy": 0.5}
    new = {**course, "start": "new-class", "epochs": 1, "images": 10_000, "accuracy_new_class": 0.9}
    new |= {"accuracy_old_lost": 0.0075}
    rtl = {**GOOD, "split": "train", "start": "rtl", "core": "learning", "steps_grid": 32, "images": 2000}
    rtl |= {"images_between": 666, "mismatches": 0, "trigger_rate": 0.2, "cycles_inference_mean": 800.2}
    rtl |= {"cycles_not_triggered_mean": 900, "cycles_triggered_mean": 1500.0, "cycles_changing_mean": 600.0}
    records = [course, {**course, "seed": 2, "accuracy": 0.98}, held_out, new, rtl]
    lines = results_page.pages({"learning": records}, f"{results_page.BEGIN}{results_page.END}")["docs/results.md"]
    scratch = "| `scratch` | 2 | 55,000 x 20 | 10.00 % (10.00 .. 10.00) | 98.38 % (98.00 .. 98.77) |"
    assert f"{scratch} 12.50 % (12.50 .. 12.50) |  |  |" in lines
    assert "| `new-class` | 1 | 10,000 | 10.00 % | 98.77 % | 12.50 % | 90.00 % | 0.75 % |" in lines
    assert "| learning | 32 | 2,000, 666 | 0 | 20.0 % | 800 | 900 | 1500 | 600 |" in lines
    assert "50.00 %" not in lines
