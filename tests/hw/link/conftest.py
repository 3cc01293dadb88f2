"""Helpers shared by the tests of the link's gateware."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # importlib mode puts nothing on the path
