"""Writes a saved view for the wave viewer GTKWave beside a VCD trace: streams on top, then signals of each unit.

Tested by tests/sim/rtl/test_harness.py.
"""

import re
from pathlib import Path
from typing import Final

__all__ = ["save_view"]

_STREAMS: Final = {"s_axis": "images in", "t_axis": "trace out", "m_axis": "results out"}
_UNITS: Final = ("intake", "sequencer", "decision")  # scopes of the gateware that are shown
_NAMES: Final = frozenset(
    {"start", "step", "horizon", "open", "occupied", "finished", "stop", "tracing", "idle", "verdict", "clear", "rows"}
)
_SCOPE: Final = re.compile(r"\s*\$scope \w+ (\S+) \$end")
_VARIABLE: Final = re.compile(r"\s*\$var \w+ (\d+) \S+ (\S+)(?: (\[[\d:]+\]))? \$end")


def save_view(trace: Path) -> Path:
    """Writes TRACE.gtkw beside a finished VCD trace, with the signals that the trace has. Returns its path."""
    signals = _signals(trace)
    lines = [f'[dumpfile] "{trace.name}"', "[timestart] 0", "[sst_expanded] 1"]
    lines += _group("clock", [path for path in signals if re.fullmatch(r"TOP\.(clk|rst)", path)])
    for prefix, title in _STREAMS.items():
        lines += _group(title, [path for path in signals if path.startswith(f"TOP.{prefix}_")])
    units: dict[str, list[str]] = {}
    for path in signals:
        scope, _, name = path.rpartition(".")
        if scope.rpartition(".")[2] in _UNITS and name.partition("[")[0] in _NAMES:
            units.setdefault(scope, []).append(path)
    for scope in sorted(units):
        lines += _group(" ".join(scope.split(".")[-2:]), units[scope])
    view = trace.with_suffix(".gtkw")
    view.write_text("\n".join(lines) + "\n")
    return view


def _signals(trace: Path) -> list[str]:
    """Returns the full names of signals of at most 64 bits, in the order of the header, as TOP.m_axis_tdata[31:0]."""
    found: list[str] = []
    scopes: list[str] = []
    with open(trace) as lines:
        for line in lines:
            if "$enddefinitions" in line:
                break
            if scope := _SCOPE.match(line):
                scopes.append(scope[1])
            elif "$upscope" in line:
                scopes.pop()
            elif (variable := _VARIABLE.match(line)) and int(variable[1]) <= 64:
                found.append(".".join([*scopes, variable[2] + (variable[3] or "")]))
    return list(dict.fromkeys(found))


def _group(title: str, signals: list[str]) -> list[str]:
    """Returns the lines of a group: a comment row with the title, then the signals, with vectors in hexadecimal."""
    flags: list[str] = []
    for path in signals:
        flags += ["@22" if path.endswith("]") else "@28", path]
    return ["@200", f"-{title}", *flags] if signals else []
