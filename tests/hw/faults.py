"""Planted faults: what tests must find. Each is one line of the gateware, changed as a slip of the pen would.

A fault is planted by compiling its unit's source with that line exchanged, and putting the functions that come out of
it into the classes that the rest of the gateware already knows.
"""

import ast
import contextlib
import importlib
import inspect
import types
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["FAULTS", "Fault", "planted"]


@dataclass(frozen=True, kw_only=True)
class Fault:
    """In firstspike_hw.<unit>, `old` (which is there exactly once) becomes `new`."""

    unit: str
    old: str
    new: str


FAULTS = {
    "horizon off by one": Fault(unit="filing", old="horizon.eq(message.t + 1)", new="horizon.eq(message.t + 2)"),
    "horizon ahead of the last spike": Fault(unit="serialiser", old="done.eq(ends & single)", new="done.eq(ends)"),
    "horizon of ordered images off by one": Fault(
        unit="input_map", old="Mux(fresh, t2, latest)", new="Mux(fresh, t2 + 1, latest)"
    ),
    "lost tie": Fault(
        unit="decision", old="verdict.tie.eq(verdict.fired > 1)", new="verdict.tie.eq(verdict.fired > 2)"
    ),
    "last of equals wins": Fault(unit="decision", old="(message.value > best)", new="(message.value >= best)"),
    "exact tie forgotten": Fault(unit="decision", old="verdict.exact_tie.eq(1)", new="verdict.exact_tie.eq(0)"),
    "excess compared without its sign": Fault(
        unit="decision",
        old="(message.value > best)",
        new="(message.value.as_unsigned() > best.as_unsigned())",
    ),
    "silence one step early": Fault(
        unit="decision", old="end.eq(message.t == self.steps - 1)", new="end.eq(message.t == self.steps - 2)"
    ),
    "wrong T at the end of the walk": Fault(unit="sequencer", old="(t == self.steps - 1)", new="(t == self.steps - 2)"),
    "stale bucket": Fault(unit="queue", old="m.d.sync += filled.eq(0)", new="m.d.sync += filled[1:].eq(0)"),
    "lost link": Fault(
        unit="queue",
        old="next_write.data.last.eq(~filled.bit_select(push.payload.t, 1))",
        new="next_write.data.last.eq(1)",
    ),
    "dropped carry": Fault(
        unit="lanes",
        old="after[k].eq(read.data.v[k] + changes[k])",
        new="after[k].eq(Cat((read.data.v[k][:8] + changes[k][:8])[:8], read.data.v[k][8:] + changes[k][8:]))",
    ),
    "swapped rows": Fault(
        unit="sequencer", old="offset.eq(offset + self.inputs + self.constants)", new="offset.eq(self.inputs - offset)"
    ),
    "neurons of a row shifted": Fault(
        unit="serialiser",
        old="base.eq(row.row * self.lanes + which * GROUP)",
        new="base.eq(row.row * (self.lanes - 1))",
    ),
    "delay off by one": Fault(
        unit="filing", old="recorded.eq(message.t + read.data)", new="recorded.eq(message.t + read.data + 1)"
    ),
    "input delay off by one": Fault(
        unit="input_map", old="recorded.eq(t2 + entry.delay)", new="recorded.eq(t2 + entry.delay + 1)"
    ),
    "filed beyond T": Fault(unit="filing", old="& (recorded < self.steps)),", new="),"),
    "early exit without draining": Fault(
        unit="sequencer", old="drain.eq(self.stop.valid & (t >= self.stop.t))", new="drain.eq(self.stop.valid)"
    ),
    "early exit one step short": Fault(unit="sequencer", old="(t > self.stop.t)", new="(t >= self.stop.t)"),
    "duplicate accepted": Fault(unit="input_map", old="wanted & ~taken & ~late", new="wanted & ~late"),
    "dropped event filed": Fault(
        unit="input_map", old="wanted.eq(valid2 & in_range2 & entry.kept)", new="wanted.eq(valid2 & in_range2)"
    ),
    "out of range taken": Fault(
        unit="input_map", old="(self.events.payload.t < self.steps)", new="(self.events.payload.t <= self.steps)"
    ),
    "constant missing": Fault(
        unit="sequencer",
        old="self.next_constant < self.constants)",
        new="self.next_constant + 1 < self.constants)",
    ),
    "fires twice": Fault(unit="lanes", old="self.fires.eq(crossed & ~read.data.fired)", new="self.fires.eq(crossed)"),
    "marks of the image before": Fault(
        unit="input_map", old="write.data.eq(Mux(self.clean, 0,", new="write.data.eq(Mux(self.clean, read.data,"
    ),
    "spike counted at the next step": Fault(
        unit="sequencer", old="write.addr.eq(self.step)", new="write.addr.eq(self.step + 1)"
    ),
    # what no comparison of answers sees: rules of the streams
    "result not held": Fault(
        unit="result", old="m.Elif(self.beats.valid & self.beats.ready)", new="m.Elif(self.beats.valid)"
    ),
    "serialiser does not wait": Fault(unit="serialiser", old="(self.messages.ready & single)", new="single"),
    "sequencer does not wait for the trace": Fault(
        unit="sequencer",
        old="go.eq(~(self.tracing & self.events.valid) | self.spikes.ready | (r != 0))",
        new="go.eq(1)",
    ),
    "register answer not held": Fault(unit="registers", old="m.If(bus.rready)", new="m.If(1)"),
    "trace not held": Fault(unit="trace", old="free.eq(~self.beats.valid | self.beats.ready)", new="free.eq(1)"),
}


@contextlib.contextmanager
def planted(fault: Fault) -> Iterator[None]:
    """The gateware with that fault, for what is elaborated inside. Raises ValueError if its line is not there once."""
    module = importlib.import_module(f"firstspike_hw.{fault.unit}")
    source = inspect.getsource(module)
    if source.count(fault.old) != 1:
        raise ValueError(f"firstspike_hw/{fault.unit}.py has {fault.old!r} {source.count(fault.old)} times, not once")
    changed = types.ModuleType(module.__name__)
    changed.__dict__.update(__package__=module.__package__, __file__=module.__file__)
    exec(
        compile(ast.parse(source.replace(fault.old, fault.new)), f"<{fault.unit} with a fault>", "exec"),
        changed.__dict__,
    )
    saved = []
    for name, made in vars(changed).items():
        kept = vars(module).get(name)
        if not (inspect.isclass(made) and inspect.isclass(kept) and made.__module__ == module.__name__):
            continue
        for method, function in vars(made).items():
            if inspect.isfunction(function) and method != "__init__":  # which may name its class by `super`
                saved.append((kept, method, vars(kept)[method]))
                setattr(kept, method, function)
    try:
        yield
    finally:
        for kept, method, function in saved:
            setattr(kept, method, function)
