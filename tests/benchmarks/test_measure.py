"""measure.py: its programs exist and say what they need; an error is one line."""

from pathlib import Path

import measure
import numpy as np
import pytest
from measuring.learning import STARTS
from measuring.link_faults import recovery


def test_every_program_has_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert "learning" in measure.programs()
    for name in set(measure.programs()) - {"with_board"}:
        with pytest.raises(SystemExit) as ended:
            measure.main([name, "--help"])
        assert ended.value.code == 0
        assert f"python benchmarks/measure.py {name} " in capsys.readouterr().out


@pytest.mark.parametrize("words", [[], ["x"], ["with_board"], ["with_board", "--"]])
def test_a_wrong_call_is_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert measure.main(words) == 2
    said = "".join(capsys.readouterr())
    if words == ["x"]:
        assert said.startswith("error: there is no program 'x' that measures; one of fuzz_rtl, learning, ")


def test_a_course_whose_base_is_missing_says_what_to_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert measure.main(["learning", "new-class", "--seed", "4"]) == 2
    assert capsys.readouterr().err == (
        "error: the course new-class begins with the network that nine learnt, and build/learning/nine-4.nir is "
        "missing; first run: python benchmarks/measure.py learning nine --seed 4\n"
    )


def test_the_base_of_every_start_is_a_start() -> None:
    assert {start.base for start in STARTS.values()} <= {"", *STARTS}


def test_the_time_to_recover_is_the_longest_pause_near_the_fault() -> None:
    arrivals = np.array([0.0, 0.01, 0.02, 0.06, 0.07, 0.3])
    assert recovery(arrivals, np.array([0.015, 0.2])) == pytest.approx([0.04, 0.23])
