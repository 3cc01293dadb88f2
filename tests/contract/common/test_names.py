"""A message about an unknown word names the nearest known word, if one is near."""

import pytest

from firstspike_contract.common.errors import UsageError
from firstspike_contract.common.names import choose, nearest


def test_the_nearest_name_is_suggested_only_if_it_is_near() -> None:
    assert nearest("alhpa", ["linear", "alpha"]) == ", did you mean alpha? known: linear, alpha"
    assert nearest("zzz", ["linear", "alpha"]) == "; known: linear, alpha"


def test_a_known_name_is_chosen_and_an_unknown_one_refused() -> None:
    assert choose("kernel", "alpha", iter(["linear", "alpha"])) == "alpha"
    with pytest.raises(UsageError) as error:
        choose("kernel", "alhpa", iter(["linear", "alpha"]))
    assert str(error.value) == "unknown kernel 'alhpa', did you mean alpha? known: linear, alpha"
