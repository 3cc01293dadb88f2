"""The table is well formed, and it holds the command of every record in the repository."""

import re
import shlex
from pathlib import Path

import pytest
from measure import programs
from records import TOPICS, Record, load
from table import TABLE, Row

ROOT = Path(__file__).parents[2]
# (topic, name) of the rows that have no record yet.
NOT_RECORDED = {("learning", "scratch-shifts-2"), ("learning", "scratch-shifts-3")}
# Patterns of the commands in records that are older than benchmarks/measure.py, and the commands of today.
RENAMED = (
    (r"^python benchmarks/silicon_figures\.py ", "python benchmarks/measure.py silicon "),
    (r"^python benchmarks/(?!measure\.py)(\w+)\.py ", r"python benchmarks/measure.py \1 "),
    (r"^python scripts/fuzz_rtl\.py ", "python benchmarks/measure.py fuzz_rtl "),
)


def today(command: str) -> str:
    for old, new in RENAMED:
        command = re.sub(old, new, command)
    return command


def row_of(topic: str, record: Record) -> Row | None:
    """Returns the row whose command made the record."""
    return next((row for row in TABLE if (row.topic, row.measure) == (topic, today(record["command"]))), None)


RECORDS = [(topic, record) for topic in TOPICS for record in load(topic)]


def test_every_row_has_a_name_and_a_command_of_its_own() -> None:
    assert len({(row.topic, row.name) for row in TABLE}) == len(TABLE)
    assert len({row.measure for row in TABLE}) == len(TABLE)
    assert {row.topic for row in TABLE} <= set(TOPICS)


@pytest.mark.parametrize("topic_and_record", RECORDS, ids=lambda pair: f"{pair[0]}-{pair[1].get('label')}")
def test_a_row_makes_every_record(topic_and_record: tuple[str, Record]) -> None:
    topic, record = topic_and_record
    row = row_of(topic, record)
    assert row is not None, f"no row of the table has the command {today(record['command'])}"
    assert record.get("label") == row.fields.get("label")
    assert {name: record[name] for name in row.fields} == row.fields
    assert row.seed is None or row.seed == record["seed"]


def test_every_row_has_a_record_but_those_that_are_listed() -> None:
    made = {(row.topic, row.name) for topic, record in RECORDS if (row := row_of(topic, record))}
    assert {(row.topic, row.name) for row in TABLE} - made == NOT_RECORDED


def test_every_network_under_examples_is_measured() -> None:
    measured = {row.name.removeprefix("model-") for row in TABLE if row.name.startswith("model-")}
    assert measured == {path.stem for path in (ROOT / "examples").glob("*.nir")}


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.topic}-{row.name}")
def test_a_row_is_well_formed(row: Row) -> None:
    for command in (*row.prepare, row.measure):
        program, *words = shlex.split(command)
        assert program in ("firstspike", "python"), command
        if program == "python":
            assert words[0] in ("benchmarks/measure.py", "benchmarks/derive.py"), command
            assert words[0] != "benchmarks/measure.py" or words[1] in programs(), command
    earlier = [other.name for other in TABLE[: TABLE.index(row)] if other.topic == row.topic]
    assert set(row.after) <= set(earlier), "a row must come after the rows that it needs"
    assert row.seconds > 0


def test_what_a_row_reads_under_build_is_made_by_its_preparation_or_by_an_earlier_row() -> None:
    for row in TABLE:
        read = re.findall(r"(?<!-o )\bbuild/[\w./-]+", " ".join([*row.prepare, row.measure]))
        made = {word for command in row.prepare for word in re.findall(r"-o (build/[\w./-]+)", command)}
        made |= {f"build/learning/{name}-start" for name in row.after}
        assert set(read) <= made, row.name


def test_kept_files_do_not_collide() -> None:
    kept = [row.keep[1] for row in TABLE if row.keep is not None]
    assert len(kept) == len(set(kept))
    reports = {path.name for path in (ROOT / "benchmarks" / "results" / "silicon").glob("*.json")}
    assert reports == {Path(name).name for name in kept if name.startswith("silicon/")}
