"""Lets the tests of the compiler import their shared networks, which --import-mode=importlib does not by itself."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
