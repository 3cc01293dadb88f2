"""Serves a virtual board from a thread of this process while a `with` block runs."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from firstspike.virtual import ModelBoard
from firstspike.virtual.core_model import warm
from firstspike.virtual.ports import Port, open_port
from firstspike.virtual.server import serve
from firstspike_contract import CONFIGS


@contextmanager
def served(listen: str, device: Any = None, *, core: str = "small", **how: Any) -> Iterator[Port]:
    """Yields the port of a board that is served until the block ends; `how` holds further arguments of `serve`."""
    warm(learns=CONFIGS[core].learns)
    port, ended = open_port(listen), threading.Event()
    failed: list[BaseException] = []

    def work() -> None:
        try:
            serve(device or ModelBoard(CONFIGS[core]), port, stop=ended.is_set, **how)
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield port
    finally:
        ended.set()
        thread.join()
        port.close()
    assert not failed, failed
