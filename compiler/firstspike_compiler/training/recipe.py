"""Recipes: each describes a training run completely, and is checked.

Tested by tests/compiler/training/test_trainer.py.
"""

from dataclasses import dataclass, fields
from importlib import resources
from pathlib import Path
from types import UnionType
from typing import Any

from firstspike_compiler.deployment.manifest_file import plain_yaml
from firstspike_contract.arithmetic.tables import STEPS
from firstspike_contract.common.errors import FirstspikeError, UsageError
from firstspike_contract.common.names import unknown

from .augment import Augmentation

__all__ = ["Recipe", "list_recipes", "load_recipe"]

TRAINABLE = ("linear", "exponential")
ENCODINGS = ("binary", "two-time", "latency")
HIDDEN_MAX = 16
NEURONS_MAX = 65536


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """The description of one training run. Times are in time units, which are tau for `exponential`.

    name:            name of the recipe.
    data:            name of the data set without split (`mnist`, `yinyang`).
    kernel:          `linear` or `exponential`.
    hidden:          neurons of each hidden layer.
    encoding:        `binary`, `two-time` or `latency`.
    late:            time of the latest input spike, for `two-time` and `latency`.
    t_max:           length of the time window.
    steps:           T.
    units:           for each layer, least significant bits per unit of threshold: weight = integer / unit.
    constants:       for each layer, times of its constant inputs; empty if it has none.
    start:           for each layer, mean and standard deviation of the initial weights.
    epochs, batch:   number of epochs; images per batch.
    learning_rate:   peak learning rate.
    warm_up:         epochs over which the learning rate rises to its peak.
    sharpness:       the logit of a class is -sharpness * time.
    label_smoothing: label smoothing of the cross entropy.
    late_cost:       weight of relu(t_label - late_after) in the loss.
    late_after:      time after which a spike of the label's output costs.
    spike_cost:      weight, in the loss, of the sum over hidden neurons of the time by which they spike before the end
                     of the decision step; a larger weight gives fewer spikes.
    clamp:           least |dV/du| in the gradients.
    average:         decay of the weight average.
    augment:         deformations of the images, or None.
    mask:            `checkerboard` or a .npy file, for a network that sees part of the inputs; None if it sees all.
    validation:      images of the training split that are held out, for every choice; 0 if the data set has its own.
    seed:            seed of all random numbers.
    """

    name: str
    data: str
    kernel: str = "linear"
    hidden: tuple[int, ...] = (600,)
    encoding: str = "binary"
    late: float | None = None
    t_max: float = 1.4
    steps: int = 16
    units: tuple[int, ...] = (256, 64)
    constants: tuple[tuple[float, ...], ...] = ((), ())
    start: tuple[tuple[float, float], ...] = ((0.007, 0.08), (0.02, 0.1))
    epochs: int = 70
    batch: int = 200
    learning_rate: float = 3e-3
    warm_up: float = 2.0
    sharpness: float = 14.0
    label_smoothing: float = 0.02
    late_cost: float = 2.0
    late_after: float = 0.9
    spike_cost: float = 0.0035
    clamp: float = 0.3
    average: float = 0.999
    augment: Augmentation | None = None
    mask: str | None = None
    validation: int = 5000
    seed: int = 1

    def __post_init__(self) -> None:
        self._check_types()
        layers = len(self.hidden) + 1
        per_layer = {"units": self.units, "constants": self.constants, "start": self.start}
        _require(self.kernel in TRAINABLE, "kernel", self.kernel, f"one of {', '.join(TRAINABLE)}")
        _require(self.encoding in ENCODINGS, "encoding", self.encoding, f"one of {', '.join(ENCODINGS)}")
        sizes = all(1 <= neurons <= NEURONS_MAX for neurons in self.hidden)
        need = f"1 to {HIDDEN_MAX} layers of 1 to {NEURONS_MAX} neurons, such as 600"
        _require(sizes and 1 <= len(self.hidden) <= HIDDEN_MAX, "hidden", list(self.hidden), need)
        for name, value in per_layer.items():
            _require(len(value) == layers, name, list(value), f"one entry for each of the {layers} layers")
        _require(min(self.units) >= 1, "units", list(self.units), "positive integers, such as 256")
        pairs = all(len(pair) == 2 and pair[1] >= 0 for pair in self.start)
        _require(pairs, "start", list(self.start), "a mean and a standard deviation for each layer, such as 0.02, 0.1")
        _require(self.steps in STEPS, "steps", self.steps, "a power of two in 16..256, such as 16")
        _require(self.t_max > 0, "t_max", self.t_max, "a positive time, such as 1.4")
        _require(self.epochs >= 1, "epochs", self.epochs, "at least 1, such as 70")
        _require(self.batch >= 1, "batch", self.batch, "at least 1, such as 200")
        _require(self.spike_cost >= 0, "spike_cost", self.spike_cost, "at least 0, such as 0.0035")
        _require(self.seed >= 0, "seed", self.seed, "an integer from 0, such as 1")
        late_needed = self.encoding in ("two-time", "latency")
        _require(
            (self.late is not None) == late_needed, "late", self.late, "a time for two-time and latency, else none"
        )
        last = self.t_max * (self.steps - 1) / self.steps
        _require(self.late is None or 0 < self.late <= last, "late", self.late, f"above 0 and at most {last:.4g}")

    def _check_types(self) -> None:
        """Checks the types of fields with one value; `_from_mapping` converts or refuses fields with several values."""
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(field.type, type | UnionType):
                whole = type(value) is int and isinstance(0.5, field.type)  # an int such as 3 may stand for 3.0
                kind = getattr(field.type, "__name__", str(field.type))
                _require(whole or isinstance(value, field.type), field.name, value, f"of the type {kind}")


def _require(ok: bool, name: str, have: object, need: str) -> None:
    if not ok:
        raise FirstspikeError(f"training recipe: {name} is {have!r}; it must be {need}")


def list_recipes() -> list[str]:
    """Returns the names of the recipes that ship."""
    folder = resources.files(__package__) / "recipes"
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))


def load_recipe(name: str) -> Recipe:
    """Returns the shipped recipe of that name, or the recipe in the YAML file at that path.

    Raises UsageError for an unknown name, FirstspikeError for a file that is no recipe.
    """
    if name in list_recipes():
        data, source = (resources.files(__package__) / "recipes" / f"{name}.yaml").read_bytes(), name
    elif Path(name).is_file():
        data, source = Path(name).read_bytes(), name
    else:
        raise UsageError(unknown("recipe", name, list_recipes()))
    try:
        return _from_mapping(plain_yaml(data.decode("utf-8")), source)
    except UnicodeDecodeError as error:
        raise FirstspikeError(f"{source}: not a training recipe: not text in UTF-8") from error
    except (TypeError, ValueError) as error:
        raise FirstspikeError(f"{source}: not a training recipe: {error}") from error


def _from_mapping(data: Any, source: str) -> Recipe:
    if not isinstance(data, dict):
        raise ValueError("expected a mapping such as `data: mnist`")
    known = {f.name for f in fields(Recipe)}
    strange = sorted(set(data) - known)
    if strange:
        raise ValueError(unknown("field", strange[0], sorted(known)))
    if data.get("augment") is not None:
        data["augment"] = Augmentation(**{name: float(v) for name, v in dict(data["augment"]).items()})
    for name in ("hidden", "units"):
        if name in data:
            data[name] = tuple(int(v) for v in data[name])
    for name in ("constants", "start"):
        if name in data:
            data[name] = tuple(tuple(float(v) for v in row) for row in data[name])
    return Recipe(**{"name": Path(source).stem, **data})
