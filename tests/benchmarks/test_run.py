"""run.py: what it lists and refuses, what it records, and what it does when a row fails."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import records
import run
from table import Row

ROOT = Path(__file__).parents[2]


def printing(text: str, code: int = 0) -> str:
    """Returns a command that prints the text and exits with the code."""
    return f"python -c 'import sys; print(sys.argv[1]); sys.exit({code})' '{text}'"


def row(name: str, measure: str = printing('{"accuracy": 0.5, "cycles": {"mean": 3}}'), **more: object) -> Row:
    return Row(**{"topic": "mnist", "name": name, "measure": measure, "seconds": 1, **more})


TABLE = [row("a", fields={"label": "a"}), row("b", fields={"label": "b"}, seed=7), row("other", topic="link")]


def test_it_records_what_the_commands_print(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(["mnist", "--into", str(tmp_path), "--json"], TABLE) == 0
    first, second = records.load("mnist", tmp_path)
    assert (first["accuracy"], first["cycles_mean"], first["label"], first["seed"]) == (0.5, 3, "a", None)
    assert (second["label"], second["seed"]) == ("b", 7)
    assert first["command"] == TABLE[0].measure
    assert records.faults(first) == []
    out, err = capsys.readouterr()
    assert json.loads(out)["recorded"] == ["a", "b"]
    assert json.loads(out)["failed"] == {}
    assert "[1 of 2, 0 s] a: about 1 s" in err
    assert "2 of 2 rows recorded in " in err


def test_a_second_run_replaces_the_records(tmp_path: Path) -> None:
    for _ in range(2):
        assert run.main(["mnist", "--only", "b", "a", "--into", str(tmp_path)], TABLE) == 0
    assert [record["label"] for record in records.load("mnist", tmp_path)] == ["a", "b"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["mist"], "error: the table has no topic 'mist'; one of mnist, link\n"),
        (["mnist", "--only", "c"], "error: topic mnist has no row 'c'; one of a, b\n"),
        (["mnist", "--only", "a", "o*"], "error: topic mnist has no row 'o*'; one of a, b\n"),
        ([], "error: a run needs a topic; --list prints the whole table, for example: run.py mnist\n"),
    ],
)
def test_an_unknown_topic_or_row_is_refused(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(words, TABLE) == 2
    assert capsys.readouterr() == ("", message)


FAILING = [
    (printing("{}", 3), f"`{printing('{}', 3)}` exited with 3"),
    (printing("no JSON"), f"`{printing('no JSON')}` must print one JSON object, and printed something else"),
    (printing("[1]"), f"`{printing('[1]')}` must print one JSON object, and printed something else"),
    ("no-such-program", "`no-such-program` cannot be run: No such file or directory"),
    (
        printing('{"seed": "x"}'),
        f"`{printing(json.dumps({'seed': 'x'}))}` made no valid record: seed is 'x'",
    ),
]


@pytest.mark.parametrize(("command", "reason"), FAILING)
def test_a_row_that_fails_records_nothing_and_the_others_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str, reason: str
) -> None:
    table = [row("bad", command), row("needs", after=("bad",)), row("good", fields={"label": "good"})]
    assert run.main(["mnist", "--into", str(tmp_path), "--json"], table) == 1
    assert [record["label"] for record in records.load("mnist", tmp_path)] == ["good"]
    out, err = capsys.readouterr()
    assert json.loads(out)["failed"] == {"bad": reason, "needs": "it needs bad, which failed"}
    assert f"error: row bad is not recorded: {reason}" in err
    assert f"not recorded: bad: {reason}" in err.splitlines()


def test_a_preparation_that_rows_share_runs_once_and_a_failed_one_fails_its_rows(tmp_path: Path) -> None:
    count = tmp_path / "count"
    prepare = (f'python -c \'open(r"{count}", "a").write("x")\'',)
    table = [row(name, prepare=prepare, fields={"label": name}) for name in ("a", "b")]
    table.append(row("c", prepare=(printing("", 1),)))
    assert run.main(["mnist", "--into", str(tmp_path)], table) == 1
    assert count.read_text() == "x"
    assert [record["label"] for record in records.load("mnist", tmp_path)] == ["a", "b"]
    assert run.commands(table[:2]) == [*prepare, table[0].measure]


def test_what_a_row_keeps_lies_beside_its_record(tmp_path: Path) -> None:
    made = tmp_path / "made.json"
    made.write_text("[]")
    missing = [row("kept", keep=(str(made), "learning/kept.json")), row("lost", keep=("build/no-such", "learning/x"))]
    assert run.main(["mnist", "--into", str(tmp_path / "results")], missing) == 1
    assert (tmp_path / "results" / "learning" / "kept.json").read_text() == "[]"
    assert len(records.load("mnist", tmp_path / "results")) == 1


def test_it_lists_rows_and_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(["--list"], TABLE) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:4] == ["mnist", "a", "1", "s"]
    assert lines[-1] == "3 rows, about 3 s"
    assert run.main(["mnist", "--list", "--json"], TABLE) == 0
    assert [entry["name"] for entry in json.loads(capsys.readouterr().out)] == ["a", "b"]
    assert run.main(["link", "--dry-run"], TABLE) == 0
    assert capsys.readouterr().out == f"{TABLE[2].measure}\n"


def test_the_commands_work_outside_of_python(tmp_path: Path) -> None:
    """The paths of run.py and of what it imports do not depend on the folder in which it is started."""
    program = [sys.executable, str(ROOT / "benchmarks" / "run.py")]
    done = subprocess.run([*program, "link", "--list"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1].startswith("25 rows, about ")
    done = subprocess.run([*program, "lnk"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: the table has no topic 'lnk'; one of mnist, silicon, learning, link\n"


def test_a_small_measurement_makes_a_record(tmp_path: Path) -> None:
    net = tmp_path / "yinyang"
    small = row(
        "yinyang",
        f"firstspike simulate {net} --data yinyang:test --limit 50 --json",
        prepare=(f"firstspike compile examples/yinyang-4-120-3.nir -o {net} --force",),
        seed=1,
    )
    assert run.main(["mnist", "--into", str(tmp_path)], [small]) == 0
    (record,) = records.load("mnist", tmp_path)
    expected = {"network": "yinyang-4-120-3.nir", "split": "test", "images": 50, "level": "model", "seed": 1}
    assert {name: record[name] for name in expected} == expected
