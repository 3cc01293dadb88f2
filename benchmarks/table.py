"""The table of all measurements: one row each, as data. `python benchmarks/run.py TOPIC` runs and records them.

Commands begin with `firstspike` or `python`, run in the root of the repository, and are recorded as they stand here.
`python benchmarks/run.py --list` prints the table.
"""

from dataclasses import dataclass, field
from typing import Any, Final

__all__ = ["TABLE", "Row"]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One measurement.

    topic:   topic of its record, which goes into benchmarks/results/TOPIC.json.
    name:    name of the row, unique in its topic; --only selects by it.
    prepare: commands that run first. A command that several rows share runs once.
    measure: the command that measures. It prints one JSON object.
    after:   names of rows of the topic that must have run before, in this run or an earlier one.
    seed:    seed to record; None records the seed that the command prints.
    fields:  recorded fields that replace what the command prints. `label` is part of a record's identity.
    keep:    a file that the command writes, and the place under benchmarks/results where it is kept; None if none.
    seconds: about how long the row takes on two cores, with its preparation and nothing cached.
    """

    topic: str
    name: str
    prepare: tuple[str, ...] = ()
    measure: str
    after: tuple[str, ...] = ()
    seed: int | None = None
    fields: dict[str, Any] = field(default_factory=dict)
    keep: tuple[str, str] | None = None
    seconds: int


def compiled(network: str, folder: str, *options: str) -> str:
    """Returns the command that compiles `network` into build/`folder`."""
    return " ".join(["firstspike compile", network, "-o", f"build/{folder}", *options, "--force"])


MEASURE: Final = "python benchmarks/measure.py"
DIGITS: Final = "examples/mnist-784-600-10.nir"
YINYANG: Final = "examples/yinyang-4-120-3.nir"
DELAYS: Final = "build/yinyang-delays-4-120-3.nir"
DERIVED: Final = f"python benchmarks/derive.py delays {YINYANG} -o {DELAYS} --force"

MNIST: Final = (
    # Each network under examples/ in the integer model, on its test split.
    *(
        Row(
            topic="mnist",
            name=f"model-{net}",
            prepare=(compiled(f"examples/{net}.nir", net),),
            measure=f"firstspike simulate build/{net} --data {data}:test --json",
            seed=1,
            seconds=10,
        )
        for net, data in (
            ("mnist-784-600-10", "mnist"),
            ("mnist-checkerboard-784-600-10", "mnist"),
            ("mnist-deep-784-128-64-10", "mnist"),
            ("mnist-exponential-784-600-10", "mnist"),
            ("yinyang-4-120-3", "yinyang"),
        )
    ),
    # The 10,000 MNIST test digits in the simulated gateware.
    *(
        Row(
            topic="mnist",
            name=f"rtl-{steps}",
            prepare=(compiled(DIGITS, f"rtl-{steps}", f"--steps {steps}"),),
            measure=f"firstspike simulate build/rtl-{steps} --level rtl --data mnist:test --json",
            seed=1,
            fields={"label": f"rtl-{steps}"},
            seconds=90,
        )
        for steps in (16, 256)
    ),
    # Yin-Yang, two hidden layers, and delays in the core `general`.
    *(
        Row(
            topic="mnist",
            name=f"general-{net}",
            prepare=(*derived, compiled(path, f"rtl-{net}")),
            measure=f"firstspike simulate build/rtl-{net} --level rtl --core general --data {data}:test "
            "--limit 1000 --json",
            seed=1,
            fields={"label": "rtl-general"},
            seconds=60,
        )
        for net, path, data, derived in (
            ("yinyang-4-120-3", YINYANG, "yinyang", ()),
            ("mnist-deep-784-128-64-10", "examples/mnist-deep-784-128-64-10.nir", "mnist", ()),
            ("yinyang-delays-4-120-3", DELAYS, "yinyang", (DERIVED,)),
        )
    ),
)


def report(core: str, target: str = "ulx3s-85f") -> tuple[str, str]:
    """Returns where a routed core leaves nextpnr's report, and where the report is kept."""
    return f"build/reports/{core}-{target}.json", f"silicon/{core}-{target}.json"


SILICON: Final = (
    # Routed cores with a network: the data set runs through the gateware that was routed.
    *(
        Row(
            topic="silicon",
            name=core,
            prepare=(compiled(f"examples/{net}.nir", f"silicon-{core}", "--steps 16"),),
            measure=f"{MEASURE} silicon build/silicon-{core} --core {core} --data mnist:test{sent}",
            fields={"label": core},
            keep=report(core),
            seconds=seconds,
        )
        for core, net, sent, seconds in (
            ("fast", "mnist-784-600-10", "", 1300),
            ("wide", "mnist-checkerboard-784-600-10", " --kept-only", 1700),
        )
    ),
    *(
        Row(
            topic="silicon",
            name=f"tiny-{target}",
            prepare=(compiled(YINYANG, "silicon-tiny"),),
            measure=f"{MEASURE} silicon build/silicon-tiny --core tiny --target {target} --data yinyang:test",
            fields={"label": f"tiny-{target}"},
            keep=report("tiny", target),
            seconds=280,
        )
        for target in ("ulx3s-85f", "ecpix5-85f", "icepi-zero")
    ),
    # Routed cores alone: the network only gives the bitstream its contents.
    Row(
        topic="silicon",
        name="learning",
        prepare=(compiled(DIGITS, "silicon-learning", "--steps 32"),),
        measure=f"{MEASURE} silicon build/silicon-learning --core learning",
        seed=1,
        fields={"label": "learning", "kernel": "linear"},
        keep=report("learning"),
        seconds=1100,
    ),
    Row(
        topic="silicon",
        name="exponential",
        prepare=(compiled("examples/mnist-exponential-784-600-10.nir", "silicon-exponential", "--steps 16"),),
        measure=f"{MEASURE} silicon build/silicon-exponential --core exponential",
        fields={"label": "exponential", "kernel": "exponential"},
        keep=report("exponential"),
        seconds=1500,
    ),
    *(
        Row(
            topic="silicon",
            name=core,
            prepare=(
                f"python benchmarks/derive.py random {kernel} -o build/random-{kernel}.nir --force",
                compiled(f"build/random-{kernel}.nir", f"silicon-{core}"),
            ),
            measure=f"{MEASURE} silicon build/silicon-{core} --core {core}",
            fields={"label": core, "kernel": kernel},
            keep=report(core),
            seconds=seconds,
        )
        for core, kernel, seconds in (("step", "step", 1200), ("alpha", "alpha", 1000), ("lif", "lif-2to1", 1500))
    ),
    # Random networks of one kernel: gateware against model.
    *(
        Row(
            topic="silicon",
            name=f"fuzz-{kernel}",
            measure=f"{MEASURE} fuzz_rtl --networks 200 --seed 7000 --kernel {kernel} --json",
            fields={"label": f"fuzz-{kernel}"},
            seconds=600,
        )
        for kernel in ("linear", "exponential", "step", "alpha", "lif-2to1")
    ),
)

# Starts of courses: the start whose network each begins with, and about how many seconds a course takes.
COURSES: Final = {
    "scratch": (None, 45),
    "scratch-strong": (None, 45),
    "scratch-shifts": (None, 40),
    "all-inputs": (None, 40),
    "shuffled20": ("scratch", 15),
    "shuffled20-x5": ("scratch", 20),
    "rotated15": ("scratch-strong", 15),
    "rotated15-x5": ("scratch-strong", 20),
    "permuted": ("all-inputs", 25),
    "nine": (None, 40),
    "new-class": ("nine", 15),
    "new-class-x5": ("nine", 20),
}


def history(course: str, name: str) -> tuple[str, str]:
    """Returns where a course leaves its accuracy over images, and where the history is kept."""
    return f"build/learning/{course}.history.json", f"learning/{name}.json"


LEARNING: Final = (
    *(
        Row(
            topic="learning",
            name=f"{start}-{seed}",
            measure=f"{MEASURE} learning {start} --seed {seed}",
            after=() if base is None else (f"{base}-{seed}",),
            seed=seed,
            fields={"label": f"{start}-{seed}"},
            keep=history(f"{start}-{seed}", f"{start}-{seed}"),
            seconds=seconds,
        )
        for seed in (1, 2, 3)
        for start, (base, seconds) in COURSES.items()
    ),
    # Every output that fires by T-1 is a rival: what the bounded run-on costs.
    Row(
        topic="learning",
        name="scratch-shifts-margin-31",
        measure=f"{MEASURE} learning scratch-shifts --seed 1 --margin 31",
        seed=1,
        fields={"label": "scratch-shifts-margin-31", "start": "scratch-shifts, margin 31"},
        keep=history("scratch-shifts-1", "scratch-shifts-margin-31"),
        seconds=90,
    ),
    # Through the simulated gateware, from the deployment that the course began with.
    *(
        Row(
            topic="learning",
            name=f"rtl-{start}",
            measure=f"{MEASURE} learning_rtl build/learning/{start}-1-start --images 2000",
            after=(f"{start}-1",),
            seed=1,
            fields={"label": f"rtl-{start}"},
            seconds=120,
        )
        for start in ("scratch", "rotated15")
    ),
    Row(
        topic="learning",
        name="logic",
        measure=f"{MEASURE} learning_logic --lanes 64",
        seed=1,
        fields={"label": "logic"},
        seconds=2200,
    ),
)

FAULTS: Final = (
    *("none", "flip-1e-5", "flip-1e-4", "drop", "double", "reorder"),
    *("truncate", "stall", "disconnect", "reset", "all"),
)
LINK_NETWORK: Final = compiled(DIGITS, "link")

LINK: Final = (
    *(
        Row(
            topic="link",
            name=name,
            prepare=(LINK_NETWORK,),
            measure=f"{MEASURE} with_board {board}-- firstspike bench build/link --board '{{board}}' --json",
            fields={"label": name},
            seconds=30,
        )
        for name, board in (("unthrottled", ""), ("12-mbaud", "--baudrate 12000000 --pace "))
    ),
    # The model at a pseudo-terminal, and the gateware with its UART, over lines that are bad in one way.
    *(
        Row(
            topic="link",
            name=f"{end}fault-{fault}",
            prepare=(LINK_NETWORK,),
            measure=f"{MEASURE} link_faults build/link {fault} --images {images} --seed 1{backend}",
            seed=1,
            fields={"label": f"{end}fault-{fault}"},
            seconds=seconds,
        )
        for fault in FAULTS
        for end, images, backend, seconds in (("", 20_000, "", 15), ("rtl-", 300, " --backend rtl", 90))
    ),
    Row(
        topic="link",
        name="rtl-upload",
        prepare=(LINK_NETWORK,),
        measure=f"{MEASURE} link_upload build/link --images 100",
        fields={"label": "rtl-upload"},
        seconds=150,
    ),
)

TABLE: Final[tuple[Row, ...]] = (*MNIST, *SILICON, *LEARNING, *LINK)
