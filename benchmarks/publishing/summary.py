"""The first lines of the results page: what a reader wants to know, each with a link to its section."""

from collections.abc import Mapping, Sequence

from records import Record

from firstspike.cli.published import MOSTAFA_2017

from .learnt import by_start, logic_records, through_gateware
from .links import bad_lines
from .networks import in_gateware, on_mnist, on_routed_cores
from .text import network, number, percent

__all__ = ["NO_BOARD", "summary"]

NO_BOARD = (
    "- **No board was at hand.** Clocks come from place and route, cycles from the simulated gateware, and speeds of "
    "the link from a virtual board at a pseudo-terminal. Nothing on this page was measured on an FPGA."
)


def summary(results: Mapping[str, Sequence[Record]]) -> str:
    """Returns the list of the main figures. results: records by topic; a topic without records is left out."""
    mnist, silicon, link, learning = (results.get(topic, ()) for topic in ("mnist", "silicon", "link", "learning"))
    lines = [accuracy(mnist), agreement(mnist, silicon), speed(mnist, silicon), lines_of_boards(link), learnt(learning)]
    return "\n".join([*(line for line in lines if line), *([NO_BOARD] if silicon or link else [])])


def best(mnist: Sequence[Record]) -> Record | None:
    """Returns the record of the best accuracy on MNIST, among the networks that see all inputs."""
    whole = [r for r in on_mnist(mnist) if r["inputs_seen"] == r["inputs"]]
    return max(whole, key=lambda r: r["accuracy"], default=None)


def accuracy(mnist: Sequence[Record]) -> str | None:
    """Returns what the best network reaches, beside the published figures."""
    record = best(mnist)
    if record is None:
        return None
    return (
        f"- **Accuracy.** {network(record)} classifies {percent(record['accuracy'])} of the "
        f"{number(record['images'])} MNIST test digits correctly, with int8 weights. It needs "
        f"{number(round(record['spikes_total'], 1))} spikes and {number(round(record['steps'], 1))} time steps on "
        f"average. {MOSTAFA_2017['name']} published "
        f"{percent(MOSTAFA_2017['accuracy'])} with {number(MOSTAFA_2017['spikes_total'])} spikes and "
        f"{number(MOSTAFA_2017['steps'])} time steps. [Networks on MNIST](#networks-on-mnist)"
    )


def agreement(mnist: Sequence[Record], silicon: Sequence[Record]) -> str | None:
    """Returns how often gateware and model differ."""
    shown = in_gateware(mnist)
    if not shown:
        return None
    images, wrong = (sum(record[name] for record in shown) for name in ("images", "mismatches"))
    fuzzed = [r for r in silicon if r["label"].startswith("fuzz-")]
    networks, differing = (sum(record[name] for record in fuzzed) for name in ("networks", "mismatches"))
    random = f", and in {number(differing)} of {number(networks)} random networks" if fuzzed else ""
    return (
        f"- **Gateware and model.** The simulated gateware differs from the integer model in {number(wrong)} of "
        f"{number(images)} images{random}. Every spike time up to the decision is compared. "
        "[Gateware against model](#gateware-against-model)"
    )


def speed(mnist: Sequence[Record], silicon: Sequence[Record]) -> str | None:
    """Returns what the best network reaches on a routed core; the fastest of its cores if there are several."""
    record = best(mnist)
    shown = [r for r in on_routed_cores(silicon) if record is not None and r["network"] == record["network"]]
    if not shown:
        return None
    fastest = max(shown, key=lambda r: r["images_per_second"])
    return (
        f"- **Speed.** The core `{fastest['core']}`, placed and routed for the `{fastest['target']}`, runs this "
        f"network at {number(fastest['clock_mhz'])} MHz. On average the answer leaves "
        f"{number(fastest['latency_us'])} us after an image's last beat. The core classifies "
        f"{number(fastest['images_per_second'])} images per second. "
        "[Networks on routed cores](#networks-on-routed-cores)"
    )


def lines_of_boards(link: Sequence[Record]) -> str | None:
    """Returns what the serial link carries, and what is lost on bad lines."""
    bad = bad_lines(link)
    if not bad:
        return None
    images, wrong = (sum(record[name] for record in bad) for name in ("transactions", "wrong_lost_duplicated"))
    good = sum(record["fault"] == "none" for record in bad)
    paced = next((r for r in link if r["label"] == "12-mbaud"), None)
    rate = (
        f"A serial line of 12 Mbaud carries {number(round(paced['images_per_second']))} images per second, which takes "
        f"{percent(paced['share_of_line'])} of its bytes. "
        if paced is not None
        else ""
    )
    return (
        f"- **Link.** {rate}Over {len(bad) - good} bad lines and {good} good ones, {number(wrong)} of {number(images)} "
        "images were wrong, lost or doubled. [Boards over serial lines](#boards-over-serial-lines)"
    )


def learnt(learning: Sequence[Record]) -> str | None:
    """Returns what learning from random weights reaches, whether the gateware agrees, and how large the unit is."""
    scratch = by_start(learning).get("scratch")
    if not scratch:
        return None
    mean = sum(record["accuracy"] for record in scratch) / len(scratch)
    parts = [
        f"- **Learning on chip.** From random int8 weights a network learns to classify {percent(mean)} of the test "
        f"digits correctly (mean of {len(scratch)} seeds), with popcounts and signs alone."
    ]
    if courses := through_gateware(learning):
        wrong, images = (sum(record[name] for record in courses) for name in ("mismatches", "images"))
        parts.append(
            f"After {number(images)} learning images the weights and answers of the simulated gateware differ from the "
            f"model's in {number(wrong)} places."
        )
    for record in logic_records(learning):
        parts.append(f"A core with the learning unit has {100 * record['lut_more']:.1f} % more look-up tables.")
    return " ".join([*parts, "[Learning on chip](#learning-on-chip)"])
