"""Runs random networks in the gateware and in the model, and reports where they differ."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

import numpy as np

from firstspike_contract import CONFIGS, Batch, CoreConfig, FirstspikeError, Kernel, StageConfig, check_core_learns
from firstspike_contract.common.progress import Progress, part_of, unheard
from firstspike_contract.core.loading import load_plan
from firstspike_sim.model.fast import FastModel

from .compare import compare, difference
from .core import RtlCore, emitted
from .learning_cases import learning_core, learning_differs, random_learning_case
from .random_cases import Case, random_case

__all__ = ["CORES", "LEARNING_CORES", "Finding", "Fuzzer"]


def _deep(*kernels: Kernel) -> CoreConfig:
    """Returns a core for networks that no shipped core holds: four layers of up to 1,024 inputs and 512 neurons."""
    stage = StageConfig(lanes=32, depth=16_640, max_rows=16, inputs=1040, kernels=kernels)
    return CoreConfig(stages=(stage,) * 4)


_DEEP: Final = {
    "deep": _deep("linear", "exponential"),
    "deep-step": _deep("step"),
    "deep-alpha": _deep("alpha"),
    "deep-lif": _deep("lif-2to1"),
}
# The shipped cores and the deep ones; LEARNING_CORES are these cores with the learning unit.
CORES: Final[dict[str, CoreConfig]] = {**CONFIGS, **_DEEP}
LEARNING_CORES: Final[dict[str, CoreConfig]] = {name: learning_core(config) for name, config in CORES.items()}


@dataclass(frozen=True, kw_only=True)
class Finding:
    """The outcome of one case.

    seed:      seed of the case.
    core:      name of the core that ran it.
    sizes:     sizes of the network's layers, the input first.
    kernel:    kernel of the network.
    images:    number of images.
    spikes:    number of hidden and output spikes.
    cycles:    clock cycles that the case took.
    wrong:     the first difference; empty if there is none.
    triggered: number of learning images that triggered.
    """

    seed: int
    core: str
    sizes: tuple[int, ...]
    kernel: str
    images: int
    spikes: int
    cycles: int
    wrong: str
    triggered: int = 0

    def line(self) -> str:
        """Returns the finding as one line of text."""
        shape = "-".join(map(str, self.sizes))
        verdict = self.wrong or "equal"
        return (
            f"{self.seed} {self.core} {self.kernel} {shape} images={self.images} spikes={self.spikes} "
            f"cycles={self.cycles} {f'triggered={self.triggered} ' if self.triggered else ''}{verdict}"
        )


class Fuzzer:
    """A set of simulated cores, each built when a case first needs it. Close it, or use `with`.

    names:    names of the cores to use, in CORES; each case runs on one of those that hold its network.
    verilog:  for each name, Verilog text to simulate instead of what the gateware emits (to plant faults).
    kernel:   kernel of all networks; None lets `random_case` draw it.
    learning: images learn, the cores are those of LEARNING_CORES, and weights are compared.
    progress: called while a core is built, with its name.
    """

    def __init__(
        self,
        names: tuple[str, ...] = tuple(CORES),
        *,
        verilog: Mapping[str, str] | None = None,
        kernel: Kernel | None = None,
        learning: bool = False,
        progress: Progress = unheard,
    ) -> None:
        self.names, self.learning = names, learning
        self.built = LEARNING_CORES if learning else CORES
        self.kernel = kernel
        self._verilog = verilog or {}
        self._progress = progress
        self._cores: dict[str, RtlCore] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends all simulations."""
        for core in self._cores.values():
            core.close()
        self._cores.clear()

    def check(self, seed: int) -> Finding | None:
        """Runs the case of a seed and returns its outcome; None if no core holds its network."""
        case = random_case(seed, self.kernel)
        fitting = [name for name in self.names if _fits(case, self.built[name], self.learning)]
        if not fitting:
            return None
        name = fitting[int(np.random.default_rng(seed).integers(len(fitting)))]
        model = FastModel(case.network).run(case.events)
        core, triggered = self._core(name), 0
        start = core.sim.cycles
        try:
            if self.learning:
                wrong, triggered = learning_differs(
                    core, case, random_learning_case(seed, case.network, len(case.events))
                )
            else:
                wrong = _differs(core, case, model)
        except FirstspikeError as error:
            wrong = str(error)
        cycles = core.sim.cycles - start
        if wrong:
            core.close()
            del self._cores[name]  # its state is unknown, so the next case gets a fresh one
        return Finding(
            seed=seed,
            core=name,
            sizes=case.network.sizes,
            kernel=case.network.kernel,
            images=len(case.events),
            spikes=int(model.results["spikes_hidden"].sum() + model.results["spikes_output"].sum()),
            cycles=cycles,
            wrong=wrong,
            triggered=triggered,
        )

    def _core(self, name: str) -> RtlCore:
        if name not in self._cores:
            text = self._verilog[name] if name in self._verilog else emitted(self.built[name])
            self._cores[name] = RtlCore(
                self.built[name],
                verilog=text,
                progress=part_of(self._progress, name),
            )
        return self._cores[name]


def _fits(case: Case, config: CoreConfig, learning: bool = False) -> bool:
    try:
        load_plan(case.network, config)
        if learning:
            check_core_learns(case.network, config)
    except FirstspikeError:
        return False
    return True


def _differs(core: RtlCore, case: Case, model: Batch) -> str:
    """Returns the first difference between the core and the model as text; empty if there is none."""
    core.sim.stalls()
    core.load(case.network)
    core.sim.stalls(gaps=case.gaps, results=case.results, trace=case.trace, seed=case.seed + 1)
    if case.interrupt is not None:
        core.interrupt(case.events, case.interrupt)
    rtl = core.run(case.events, run_on=case.run_on, bitmap=case.bitmap)
    wrong = compare(case.network, rtl, model)
    if rtl.late.any():
        return f"image {np.flatnonzero(rtl.late)[0]} is in time order, but its result has the flag LATE"
    if not wrong:
        return ""
    return f"{len(wrong)} images differ, image {wrong[0]}: {difference(rtl.batch, model, wrong[0])}"
