"""Benches that run inside a simulator: their modules are found by name, there and here."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # importlib mode puts nothing on the path
