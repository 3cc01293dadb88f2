"""The shape of a unit's integer model, which stands beside its latency.

One test loop (tests/helpers/unit_bench.py) compares every unit with its model, and a reader who knows one model can
read all of them. All models therefore have the same shape:

    latency = 2

    def model(self, inputs: Sequence[...]) -> list[...]:

`model` is a method of the constructed unit. Sizes and parameters (lanes, steps, divisor) come from the unit; nobody
passes them a second time. The model begins in the state after reset.

inputs:  the items that the unit takes, in order. An item is a plain value: a number, bytes, a tuple, a dict of ports
         or a NamedTuple.
returns: the items that the unit gives out, in order, as plain values.

A unit that takes several kinds of items gets tuples whose first element names the kind: ("push", t, x). Values that
stand at ports during a run, and contents of memories that the host fills, are such a kind, too: ("set", values), with
the values by name. It comes before the items on which it acts and gives nothing out. An item that stands for a whole
run, such as an image, carries these values itself.

`latency` counts clock cycles from the one in which an item is taken to the one in which its answer is visible; 0 means
in the same cycle. Where something can wait inside the unit, the number holds for an item that finds the unit empty. A
unit with several of them names each `<what>_latency`.

A unit whose next input depends on its answers (a session) also has `follow`, which yields the answers one by one.

`tests/test_models.py` enforces the shape. Units that are assembled from others have no model; it lists them, each with
the test that covers it.

Tested by tests/test_models.py.
"""
