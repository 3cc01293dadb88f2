"""Facts are printed as text and as JSON: every kind of value, and numbers at which the format changes."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from firstspike.cli.answer import facts, to_json


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (0, "0"),
        (999, "999"),
        (1000, "1,000"),
        (-12345, "-12,345"),
        (True, "1"),
        (0.0, "0"),
        (0.98765, "0.9877"),
        (999.96, "1000"),
        (1000.4, "1,000"),
        (-1234567.8, "-1,234,568"),
        ("linear", "linear"),
        (Path("a/b"), "a/b"),
        ([], ""),
        ([1, None, 0.5], "1 / - / 0.5"),
        ((1, [2, 3]), "1 / 2 / 3"),
        ({"mean": 0.25, "p50": None}, "mean 0.25, p50 -"),
    ],
)
def test_a_value_as_text(value: Any, text: str) -> None:
    assert facts({"name": value}) == f"name  {text}"


def test_values_are_aligned() -> None:
    assert facts({"a": 1, "long name": "x"}) == "a          1\nlong name  x"


def test_json_takes_numpy_and_paths() -> None:
    data = {"n": np.int64(3), "x": np.arange(2), "b": np.bool_(True), "p": Path("a/b"), "none": None}
    assert json.loads(to_json(data)) == {"n": 3, "x": [0, 1], "b": True, "p": "a/b", "none": None}
    assert "\n" not in to_json(data)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), np.float64("nan"), np.array([float("nan")])])
def test_json_refuses_nan_and_infinity(value: Any) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        to_json({"x": value})
