"""Fuzz the two decoders of the link, guided by coverage: a host and a board receive any bytes. Needs atheris.

    python scripts/fuzz_link.py host --seconds 60
    python scripts/fuzz_link.py board --seconds 60

Inputs that reach code for the first time are kept in tests/host/link/corpus/TARGET.txt, one line of base64 each; tests
replay them. Exit status: 0 if nothing was found; otherwise that of the fuzzer, with the offending input under build/.
"""

import argparse
import base64
import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parent
ROOT = SCRIPTS.parent
CORPUS = ROOT / "tests" / "host" / "link" / "corpus"
LONGEST = 4096  # bytes of an input


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", choices=("board", "host"))
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    kept = CORPUS / f"{args.target}.txt"
    (ROOT / "build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        found = Path(folder)
        for line in kept.read_text().splitlines() if kept.exists() else ():
            data = base64.b64decode(line)
            (found / hashlib.sha1(data).hexdigest()).write_bytes(data)
        code = fuzz(args.target, str(found), f"-max_total_time={args.seconds}", f"-seed={args.seed}")
        lines = sorted((base64.b64encode(path.read_bytes()).decode() for path in found.iterdir()), key=len)
    if code == 0:
        kept.parent.mkdir(exist_ok=True)
        kept.write_text("".join(f"{line}\n" for line in lines))
        print(f"{kept.relative_to(ROOT)}: {len(lines)} inputs")
    return code


def fuzz(target: str, *words: str) -> int:
    """Runs the fuzzer in a process of its own, which the fuzzer ends; returns its exit status."""
    limits = (f"-max_len={LONGEST}", "-timeout=10", f"-artifact_prefix={ROOT / 'build'}/")
    # in the folder of the scripts, from which a program given by -c imports
    return subprocess.run([sys.executable, "-c", _RUN, target, *words, *limits], cwd=SCRIPTS, check=False).returncode


_RUN = """
import sys
import atheris
with atheris.instrument_imports(include=["firstspike", "firstspike_hw", "fuzz_targets"]):
    from fuzz_targets import TARGETS
name = sys.argv.pop(1)
atheris.Setup(sys.argv, TARGETS[name])
atheris.Fuzz()
"""

if __name__ == "__main__":
    raise SystemExit(main())
