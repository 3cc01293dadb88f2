"""The shipped core configurations: what the fast one holds, and that no two are the same core."""

from firstspike_contract import CONFIGS


def test_the_fast_core_holds_a_layer_up_to_its_depth() -> None:
    fast = CONFIGS["fast"].stages[0]
    rows = fast.rows(600)
    assert fast.holds(fast.depth // rows, 600)
    assert not fast.holds(fast.depth // rows + 1, 600)


def test_no_two_shipped_cores_are_the_same() -> None:
    assert len(set(CONFIGS.values())) == len(CONFIGS)
