"""The integer contract, on which model, compiler, gateware and host agree. It needs numpy only."""

from .arithmetic.bounds import Bounds, LayerPlan, largest_fraction_bits, worst_case
from .arithmetic.evaluate import Evaluation, evaluate, evaluate_set
from .arithmetic.events import EVENT, EventSet
from .arithmetic.learn import LearnResult, LearnResults, LearnSettings, check_settings, learn
from .arithmetic.network import DROPPED, KERNELS, NO_SPIKE, WEIGHT_MAX, Kernel, Layer, Network
from .arithmetic.results import RESULT, Batch, figures
from .arithmetic.tables import STEPS, TABLE_BITS, TABLE_MAX, Tables, exp_table, integer_threshold, kernel_tables
from .arithmetic.validation import check_event_arrays, check_events, check_labels, check_network
from .common.errors import FirstspikeError, RuleViolations, UsageError
from .core.config import CONFIGS, CoreConfig, StageConfig
from .core.cycles import image_cycles
from .core.learning import check_core_learns, learning_registers, with_learnt
from .core.loading import LoadPlan, MemoryBlock, core_for, load_plan, place

__all__ = [
    "CONFIGS",
    "DROPPED",
    "EVENT",
    "KERNELS",
    "NO_SPIKE",
    "RESULT",
    "STEPS",
    "TABLE_BITS",
    "TABLE_MAX",
    "WEIGHT_MAX",
    "Batch",
    "Bounds",
    "CoreConfig",
    "Evaluation",
    "EventSet",
    "FirstspikeError",
    "Kernel",
    "Layer",
    "LayerPlan",
    "LearnResult",
    "LearnResults",
    "LearnSettings",
    "LoadPlan",
    "MemoryBlock",
    "Network",
    "RuleViolations",
    "StageConfig",
    "Tables",
    "UsageError",
    "check_core_learns",
    "check_event_arrays",
    "check_events",
    "check_labels",
    "check_network",
    "check_settings",
    "core_for",
    "evaluate",
    "evaluate_set",
    "exp_table",
    "figures",
    "image_cycles",
    "integer_threshold",
    "kernel_tables",
    "largest_fraction_bits",
    "learn",
    "learning_registers",
    "load_plan",
    "place",
    "with_learnt",
    "worst_case",
]
