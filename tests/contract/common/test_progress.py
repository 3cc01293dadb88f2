"""Progress reports of a part of the work carry its name."""

from firstspike_contract.common.progress import part_of, unheard


def test_a_part_reports_under_its_own_name() -> None:
    said: list[tuple[int, int, str]] = []

    def progress(done: int, total: int, what: str = "", /) -> None:
        said.append((done, total, what))

    part = part_of(progress, "upload")
    part(0, 0)
    part(3, 7, "of the part itself")
    part_of(part, "inner")(7, 7)
    assert said == [(0, 0, "upload"), (3, 7, "upload"), (7, 7, "upload")]
    unheard(1, 2, "nobody")
