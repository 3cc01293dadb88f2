"""Every figure in the documentation comes from the records, and the results page begins with the main ones."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import records
from publish import histories
from publishing.pages import BEGIN, END, NONE_YET, pages
from publishing.pictures import accuracy_picture, accuracy_points, course_curves, courses_picture

ROOT = Path(__file__).parents[2]
GOOD: dict[str, Any] = {
    **{"command": "firstspike simulate build/demo --data mnist:test --json", "commit": "0123abc", "date": "2026-11-22"},
    **{"seed": 1, "network": "examples/net.nir", "target": "ulx3s-85f", "dataset": "mnist", "split": "test"},
    **{"images": 10_000, "kernel": "linear", "steps": 6.875, "accuracy": 0.98765, "spikes_total": 118.43},
    **{"lookups_0": 0.131, "lookups_1": 0.025, "inputs": 784, "inputs_seen": 784, "level": "model"},
}
ALL = {topic: records.load(topic) for topic in records.TOPICS}


def page_of(results: dict[str, list[dict[str, Any]]]) -> str:
    return pages(results, f"{BEGIN}{END}")["docs/results.md"]


def description(path: Path) -> Any:
    """Returns the data that a picture carries."""
    if path.suffix == ".svg":
        found = re.search(r"<dc:description>(.*?)</dc:description>", path.read_text(), re.DOTALL)
        assert found is not None
        return json.loads(found[1].replace("&quot;", '"'))
    from PIL import Image

    return json.loads(Image.open(path).info["Description"])


def words(path: Path) -> list[str]:
    """Returns the texts of an SVG picture in order, without the figures at its axes, which matplotlib chooses."""
    found = re.findall(r"<text[^>]*>([^<]+)</text>", path.read_text())
    return sorted(text for text in found if not re.fullmatch(r"[\d.,]+( %)?", text))


def test_the_documentation_shows_the_recorded_figures_and_no_others() -> None:
    for name, text in pages(ALL, (ROOT / "README.md").read_text()).items():
        assert (ROOT / name).read_text() == text, f"{name} is not what `make results-page` writes"


def test_the_pictures_show_the_recorded_figures(tmp_path: Path) -> None:
    points = accuracy_points(ALL["mnist"])
    accuracy_picture(points, tmp_path / "a.svg")
    kept = ROOT / "docs" / "results-mnist.svg"
    assert description(kept) == description(tmp_path / "a.svg") == points
    assert words(kept) == words(tmp_path / "a.svg")
    assert {point["label"] for point in points} < set(words(kept))
    curves = course_curves(histories())
    courses_picture(curves, tmp_path / "c.png")
    assert description(ROOT / "docs" / "learning.png") == description(tmp_path / "c.png") == curves


def test_the_history_of_a_course_ends_at_the_accuracy_of_its_record() -> None:
    """The last check of a course and its test are on different images, but close to each other."""
    by_label = {record["label"]: record for record in ALL["learning"]}
    for label, history in histories().items():
        assert history[0]["images"] == 0
        if label in by_label:
            assert history[-1]["images"] == by_label[label]["learning_images"]
            assert abs(history[-1]["accuracy"] - by_label[label]["accuracy"]) < 0.02, label


def test_a_figure_goes_from_the_record_into_the_readme_and_the_page() -> None:
    readme = f"# x\n{BEGIN}\nold\n{END}\nrest\n"
    good = {**GOOD, "steps_grid": 16, "tie_rate": 0.01, "silent_rate": 0.0}
    made = pages({"mnist": [good]}, readme)
    row = "| `net` | linear | 16 | 784 of 784 inputs | 98.77 % | 1.00 %, 0.00 % | 118.4 | 13.10 % / 2.50 % | 6.9 |"
    published = "| Mostafa et al. 2017 (published) |  |  |  | 97.00 % |  | 139 | 13.00 % / 5.00 % | 167 |"
    for name in ("README.md", "docs/results.md"):
        assert row in made[name].splitlines()
        assert published in made[name].splitlines()
    assert "old" not in made["README.md"]
    assert made["README.md"].endswith(f"{END}\nrest\n")
    assert "| `accuracy` | 0.9877 |" in made["docs/results.md"].splitlines()
    assert "`firstspike simulate build/demo --data mnist:test --json`" in made["docs/results.md"]
    assert pages({"mnist": [good]}, made["README.md"]) == made  # a second run changes nothing


def test_without_records_the_documentation_says_so() -> None:
    made = pages({}, f"{BEGIN}{END}")
    assert made["README.md"] == f"{BEGIN}\n{NONE_YET}\n{END}"
    assert NONE_YET in made["docs/results.md"]
    assert accuracy_points([]) == []


def test_the_page_begins_with_the_main_figures() -> None:
    first = page_of(ALL).split("\n## ")[0].splitlines()
    bullets = [line for line in first if line.startswith("- ")]
    assert [re.match(r"- \*\*(.*?)\.\*\*", line)[1] for line in bullets] == [
        *("Accuracy", "Gateware and model", "Speed", "Link", "Learning on chip", "No board was at hand"),
    ]
    assert "98.89 % of the 10,000 MNIST test digits" in bullets[0]
    assert "97.00 % with 139 spikes" in bullets[0]
    assert "differs from the integer model in 0 of 23,000 images" in bullets[1]
    headings = re.findall(r"^#+ (.*)", page_of(ALL), re.MULTILINE)
    anchors = {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    links = re.findall(r"\]\(#([a-z0-9-]+)\)", "\n".join(bullets))
    assert len(links) == len(bullets) - 1
    assert set(links) <= anchors


def test_the_first_lines_are_of_the_best_network_that_sees_all_inputs() -> None:
    half = {**GOOD, "network": "half.nir", "accuracy": 0.999, "inputs_seen": 392}
    assert page_of({"mnist": [half, GOOD]}).splitlines()[2].startswith("- **Accuracy.** `net` classifies 98.77 %")
    assert accuracy_points([half])[0]["label"] == "half, 392 of 784 inputs"


def test_the_gateware_has_a_table_of_its_own() -> None:
    rtl = {**GOOD, "level": "rtl", "core": "fast", "steps_grid": 16, "mismatches": 0, "accuracy": 0.5}
    rtl |= {"cycles_mean": 378.92, "cycles_p99": 667.0, "latency_alone_p99": 665.0}
    page = page_of({"mnist": [GOOD, rtl]})
    assert "| `net` | fast | 16 | 10,000 | 0 | 378.9 | 667 | 665 |" in page.splitlines()
    assert "50.00 %" not in page  # the page shows only the model's accuracies


def test_learning_is_shown_by_start_over_its_seeds() -> None:
    course = {**GOOD, "start": "scratch", "epochs": 20, "images": 55_000, "accuracy_before": 0.1, "trigger_rate": 0.125}
    held_out = {**course, "split": "held-out", "accuracy": 0.5}
    new = {**course, "start": "new-class", "epochs": 1, "images": 10_000, "accuracy_new_class": 0.9}
    new |= {"accuracy_old_lost": 0.0075}
    rtl = {**GOOD, "split": "train", "start": "rtl", "core": "learning", "steps_grid": 32, "images": 2000}
    rtl |= {"network": "scratch-1-start", "images_between": 666, "mismatches": 0, "trigger_rate": 0.2}
    rtl |= {"cycles_inference_mean": 800.2, "cycles_not_triggered_mean": 900, "cycles_triggered_mean": 1500.0}
    rtl |= {"cycles_changing_mean": 600.0}
    lines = page_of({"learning": [course, {**course, "seed": 2, "accuracy": 0.98}, held_out, new, rtl]})
    scratch = "| `scratch` | 2 | 55,000 x 20 | 10.00 % (10.00 .. 10.00) | 98.38 % (98.00 .. 98.77) |"
    assert f"{scratch} 12.50 % (12.50 .. 12.50) |  |  |" in lines
    assert "| `new-class` | 1 | 10,000 | 10.00 % | 98.77 % | 12.50 % | 90.00 % | 0.75 % |" in lines
    assert "| `scratch-1` | learning | 32 | 2,000, 666 | 0 | 20.0 % | 800 | 900 | 1500 | 600 |" in lines
    assert "50.00 %" not in lines


@pytest.mark.parametrize("topic", records.TOPICS)
def test_every_record_has_its_column_and_its_command(topic: str) -> None:
    page = page_of({topic: ALL[topic]})
    assert all(f"`{record['command']}`" in page for record in ALL[topic])
