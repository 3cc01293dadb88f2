"""Enforces the shape of a unit's integer model, which firstspike_hw.fabric.unit describes."""

import ast

from house import part, tree

# Units of the gateware without a `model`, each with the reason and the test that covers it.
WITHOUT_MODEL = {
    "Core": "joins engine, registers and boot memory; tests/hw/core/test_core.py",
    "CoreInChains": "joins a core and shift chains in place of pins; tests/hw/core/test_contents.py",
    "Engine": "joins intake, stages, decision and teacher; tests/hw/core/test_core.py",
    "Link": "joins the units of the link; tests/sim/rtl/test_board.py",
    "NeuronState": "the state inside lanes, in two ways of keeping it; tests/hw/stage/test_lanes.py",
    "RegisterFile": "joins registers, windows and memories; tests/hw/core/test_core.py, tests/hw/formal",
    "SerialBoard": "joins core, link and UART; tests/sim/rtl/test_board.py",
    "Stage": "joins queue, sequencer, tables, weights and lanes; tests/hw/cocotb/unit_stage.py",
    "StageLearning": "joins replay, plastic lanes and votes; tests/hw/learning/test_learning.py",
    "Teacher": "joins output record, random bits and stages; tests/hw/learning/test_learning.py",
    "WeightGroup": "a group of slices of WeightMemory; tests/hw/spikes/test_intake.py",
}


def units(source: ast.Module) -> dict[str, ast.ClassDef]:
    """Returns the gateware classes of a file by name."""
    found: dict[str, ast.ClassDef] = {}
    for node in source.body:
        if isinstance(node, ast.ClassDef) and {ast.unparse(base) for base in node.bases} & {"wiring.Component", *found}:
            found[node.name] = node
    return found


def model_of(unit: ast.ClassDef) -> ast.FunctionDef | None:
    return next((node for node in unit.body if isinstance(node, ast.FunctionDef) and node.name == "model"), None)


def faults_of_shape(unit: ast.ClassDef) -> list[str]:
    """Returns the deviations of a unit with a `model` from the shape that firstspike_hw.fabric.unit describes."""
    if (model := model_of(unit)) is None:
        return []
    names = {target.id for node in unit.body for target in ast.walk(node) if isinstance(target, ast.Name)}
    names |= {node.name for node in unit.body if isinstance(node, ast.FunctionDef)}
    names |= {
        node.attr for node in ast.walk(unit) if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
    }
    taken = [argument.arg for argument in ast.walk(model.args) if isinstance(argument, ast.arg)]
    shapely = taken == ["self", "inputs"] and not model.decorator_list and not model.args.defaults
    faults = [] if shapely else ["model does not take (self, inputs)"]
    if not any(name == "latency" or name.endswith("_latency") for name in names):
        faults.append("no latency stands beside the model")
    return faults


def test_every_model_has_the_one_shape_and_a_latency() -> None:
    good = "class A(wiring.Component):\n  latency = 1\n  def model(self, inputs): pass"
    for source, count in (
        (good, 0),
        (good.replace("latency", "delay"), 1),
        (good.replace("self, inputs", "self, inputs, steps"), 1),
        (good.replace("self, inputs", "self, inputs=()"), 1),
        (good.replace("  def", "  @staticmethod\n  def"), 1),
    ):
        assert len(faults_of_shape(units(ast.parse(source))["A"])) == count, source
    wrong = {name: faults_of_shape(unit) for path in part("firstspike_hw") for name, unit in units(tree(path)).items()}
    assert {name: faults for name, faults in wrong.items() if faults} == {}


def test_a_unit_has_a_model_or_a_reason() -> None:
    found = {name: unit for path in part("firstspike_hw") for name, unit in units(tree(path)).items()}
    modelled = {name for name, unit in found.items() if model_of(unit)}
    modelled |= {name for name, unit in found.items() if {ast.unparse(base) for base in unit.bases} & modelled}
    assert sorted(found.keys() - modelled) == sorted(WITHOUT_MODEL)
