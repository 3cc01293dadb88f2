"""Classifies MNIST digits on any board: python examples/stream_mnist.py URL [IMAGES] [DEPLOYMENT].

    python examples/stream_mnist.py sim:
    python examples/stream_mnist.py rtl: 100
    python examples/stream_mnist.py serial:///dev/ttyUSB0?baudrate=3000000

Every spike of every image is compared with the model. The exit status is 1 if one differs.
"""

import sys
import tempfile
import time
from pathlib import Path

import firstspike
from firstspike.datasets import encode, load
from firstspike.examples import example
from firstspike_compiler.deployment import Deployment, read_deployment
from firstspike_contract import evaluate


def compiled(folder: Path) -> Deployment:
    """Compiles the shipped network into `folder` and reads the deployment."""
    from firstspike.cli import main

    if main(["compile", str(example("mnist-784-600-10.nir")), "-o", str(folder)]):
        raise SystemExit(1)
    return read_deployment(folder)


def main(url: str, images: str = "1000", deployment: str = "") -> int:
    with tempfile.TemporaryDirectory() as folder:
        network = read_deployment(deployment) if deployment else compiled(Path(folder) / "mnist")
    digits = load("mnist:test").head(int(images))
    events = encode(digits.values, "binary", steps=network.network.steps, labels=digits.labels)

    right = different = 0
    with firstspike.open(url) as board:
        board.load(network, if_needed=True)
        start = time.perf_counter()
        for result in board.stream(events, spikes=True):
            right += bool(result.right)
            model = evaluate(network.network, events.image(result.image))
            same = result.answer == model.result["class"] and result.step == model.result["step"]
            assert result.times is not None
            same &= all((mine == theirs).all() for mine, theirs in zip(result.times, model.times[1:], strict=True))
            different += not same
        seconds = time.perf_counter() - start
    print(f"{url}: {len(events)} digits, {right} right, {different} different from the model, {seconds:.1f} s")
    return int(different > 0)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    raise SystemExit(main(*sys.argv[1:]))
