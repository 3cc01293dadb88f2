"""The list of shipped core configurations, and how many neurons the fast one holds."""

from firstspike_contract import CONFIGS


def test_the_shipped_cores() -> None:
    assert list(CONFIGS) == [
        "fast",
        "wide",
        "small",
        "exponential",
        "step",
        "alpha",
        "lif",
        "tiny",
        "general",
        "micro",
        "learning",
    ]
    fast = CONFIGS["fast"].stages[0]
    assert fast.holds(674, 600)
    assert not fast.holds(683, 600)
