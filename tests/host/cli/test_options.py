"""Arguments of the command line are tested at their limits, and every refusal with its whole message."""

import argparse
from collections.abc import Callable
from typing import Any

import pytest

from firstspike.cli.options import CommandParser, at_least, clock_mhz, number, one_of, time_steps
from firstspike_contract.common.errors import UsageError


@pytest.mark.parametrize(
    ("parse", "word", "value"),
    [
        (at_least(0), "0", 0),
        (at_least(1), "1", 1),
        (at_least(1), "9" * 18, 10**18 - 1),
        (number("1.4"), "0", 0.0),
        (number("1.4"), "1e-3", 0.001),
        (time_steps, "16", 16),
        (time_steps, "256", 256),
        (clock_mhz, "0.5", 0.5),
        (one_of("core", ("fast", "small")), "small", "small"),
    ],
)
def test_an_argument_in_range(parse: Callable[[str], Any], word: str, value: Any) -> None:
    assert parse(word) == value
    assert type(parse(word)) is type(value)


@pytest.mark.parametrize(
    ("parse", "word", "message"),
    [
        (at_least(0), "-1", "'-1' is not an integer of at least 0, such as 1"),
        (at_least(3), "2", "'2' is not an integer of at least 3, such as 3"),
        (at_least(1), "", "'' is not an integer of at least 1, such as 1"),
        (at_least(1), "1.0", "'1.0' is not an integer of at least 1, such as 1"),
        (at_least(1), "1" * 19, f"'{'1' * 19}' is not an integer of at least 1, such as 1"),
        (number("1.4"), "-0.1", "'-0.1' is not a number of at least 0, such as 1.4"),
        (number("1.4"), "nan", "'nan' is not a number of at least 0, such as 1.4"),
        (number("1.4"), "inf", "'inf' is not a number of at least 0, such as 1.4"),
        (number("1.4"), "x", "'x' is not a number of at least 0, such as 1.4"),
        (time_steps, "15", "'15' is not a number of time steps: 16, 32, 64, 128 or 256"),
        (time_steps, "512", "'512' is not a number of time steps: 16, 32, 64, 128 or 256"),
        (clock_mhz, "0", "a clock must be above 0 MHz, and '0' is not; for example 100"),
        (clock_mhz, "-1", "'-1' is not a number of at least 0, such as 100"),
        (
            one_of("core", ("fast", "small")),
            "smal",
            "unknown core 'smal', did you mean small? known: fast, small",
        ),
    ],
)
def test_an_argument_out_of_range_is_refused(parse: Callable[[str], Any], word: str, message: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError) as error:
        parse(word)
    assert str(error.value) == message


def parser() -> CommandParser:
    made = CommandParser(name="toy", summary="Plays.", example="  firstspike toy 3")
    made.add_argument("count", type=at_least(1))
    made.add_argument("--steps", type=time_steps)
    return made


def test_words_are_parsed() -> None:
    found = parser().parse(["3", "--steps", "16", "--json"])
    assert (found.count, found.steps, found.json) == (3, 16, True)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "the following arguments are required: count (see firstspike toy --help)"),
        (["0"], "count: '0' is not an integer of at least 1, such as 1 (see firstspike toy --help)"),
        (["3", "4"], "there is one argument too many: '4' (see firstspike toy --help)"),
        (
            ["3", "--step=16"],
            "unknown option --step, did you mean --steps? known: --help, --json, --steps (see firstspike toy --help)",
        ),
        (["3", "--zzz"], "unknown option --zzz; known: --help, --json, --steps (see firstspike toy --help)"),
    ],
)
def test_a_wrong_command_line_is_a_usage_error(words: list[str], message: str) -> None:
    with pytest.raises(UsageError) as error:
        parser().parse(words)
    assert str(error.value) == message


def test_help_shows_the_example(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parser().parse(["--help"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.endswith("example:\n  firstspike toy 3\n")
