"""A set of images knows the events of each image, and so do its parts."""

import numpy as np
import pytest
from networks import set_of

from firstspike_contract import EVENT, EventSet

IMAGES = ([(0, 1), (5, 2)], [], [(3, 0)])


def three(labels: bool = True) -> EventSet:
    return set_of([np.array(image, EVENT) for image in IMAGES], np.array([7, 8, 9]) if labels else None)


def images(events: EventSet) -> list[list[tuple[int, int]]]:
    return [events.image(n).tolist() for n in range(len(events))]


def test_each_image_has_its_events() -> None:
    assert images(three()) == list(IMAGES)
    assert len(set_of([])) == 0


@pytest.mark.parametrize(("first", "end"), [(0, 0), (0, 3), (1, 1), (1, 3), (2, 3), (3, 3)])
def test_a_part_is_a_set_of_its_own(first: int, end: int) -> None:
    part = three().part(first, end)
    assert images(part) == list(IMAGES[first:end])
    assert part.offsets[0] == 0
    assert part.offsets[-1] == len(part.events)
    assert part.labels is not None
    assert part.labels.tolist() == [7, 8, 9][first:end]


def test_the_events_of_a_part_are_a_view() -> None:
    whole = three()
    whole.part(2, 3).events["t"] = 9
    assert whole.image(2).tolist() == [(9, 0)]


@pytest.mark.parametrize(("limit", "count"), [(0, 0), (1, 1), (3, 3), (4, 3)])
def test_the_head_has_no_more_images_than_the_set(limit: int, count: int) -> None:
    assert images(three(labels=False).head(limit)) == list(IMAGES[:count])
    assert three(labels=False).head(limit).labels is None


@pytest.mark.parametrize("wanted", [(0, 0, 0), (1, 1, 1), (0, 1, 0), (1, 0, 1)])
def test_choosing_events_keeps_all_images(wanted: tuple[int, ...]) -> None:
    found = three().only(np.array(wanted, bool))
    keep = iter(wanted)
    assert images(found) == [[event for event in image if next(keep)] for image in IMAGES]
    assert found.labels is not None
    assert found.labels.tolist() == [7, 8, 9]
