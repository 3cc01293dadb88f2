"""Records have the published fields, and a new record takes the place of the one of the same identity."""

import json
from pathlib import Path
from typing import Any

import pytest
import records

ROOT = Path(__file__).parents[2]
GOOD: dict[str, Any] = {
    **{"command": "firstspike simulate build/demo --data mnist:test --json", "commit": "0123abc", "date": "2026-11-22"},
    **{"seed": 1, "network": "net.nir", "target": "ulx3s-85f", "dataset": "mnist", "split": "test"},
    **{"images": 10_000, "kernel": "linear", "steps": 6.875, "accuracy": 0.98765},
}


def test_every_record_in_the_repository_has_the_published_form() -> None:
    for path in sorted((ROOT / "benchmarks" / "results").glob("*.json")):
        assert path.stem in records.TOPICS, f"{path.name} is not named by a topic; the topics are {records.TOPICS}"
        content = json.loads(path.read_text())
        assert isinstance(content, list), f"{path.name} must be a JSON array of records"
        assert [(n, records.faults(record)) for n, record in enumerate(content) if records.faults(record)] == []


@pytest.mark.parametrize("topic", records.TOPICS)
def test_no_two_records_in_the_repository_have_one_identity(topic: str) -> None:
    identities = [tuple(record.get(name) for name in records.IDENTITY) for record in records.load(topic)]
    assert len(identities) == len(set(identities))


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
def test_faults_says_what_is_wrong_with_a_record(change: dict[str, Any], fault: str) -> None:
    assert records.faults(GOOD) == []
    assert records.faults({**GOOD, **change}) == [fault]


def test_a_record_needs_every_published_field() -> None:
    for name in records.FIELDS:
        assert records.faults({k: v for k, v in GOOD.items() if k != name}) == [f"{name} is missing"]
    assert records.faults([1]) == ["a record is an object, not [1]"]


def test_nested_figures_are_flattened_with_underscores() -> None:
    nested = {"cycles": {"mean": 1, "p99": 3}, "lookups": [0.5, 0.25], "empty": [], "a": {"b": {"c": None}}}
    assert records.flat(nested) == {
        "cycles_mean": 1,
        "cycles_p99": 3,
        "lookups_0": 0.5,
        "lookups_1": 0.25,
        "a_b_c": None,
    }


def test_saving_and_loading_give_the_records_back(tmp_path: Path) -> None:
    assert records.load("mnist", tmp_path) == []
    tmp_path /= "results"
    records.save("mnist", [GOOD, {**GOOD, "seed": None}], tmp_path)
    assert records.load("mnist", tmp_path) == [GOOD, {**GOOD, "seed": None}]
    assert len((tmp_path / "mnist.json").read_text().splitlines()) == 4


def test_a_record_takes_the_place_of_the_one_of_the_same_identity(tmp_path: Path) -> None:
    first, second = GOOD, {**GOOD, "label": "rtl-16"}
    for record in (first, second, {**first, "accuracy": 0.5}):
        records.keep("mnist", record, tmp_path)
    assert records.load("mnist", tmp_path) == [{**first, "accuracy": 0.5}, second]


def test_fields_replace_what_a_command_printed() -> None:
    about = {"command": "x", "commit": "0123abc", "date": "2026-11-22"}
    made = records.made({"kernel": "step", "cycles": {"mean": 2}}, about, {"kernel": "alpha", "label": "a"})
    assert made == {**dict.fromkeys(records.FIELDS), **about, "kernel": "alpha", "cycles_mean": 2, "label": "a"}
