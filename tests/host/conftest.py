"""Makes the helpers of the tests of links, boards and virtual boards importable from each other's folders."""

import sys
from pathlib import Path

for folder in ("link", "board", "virtual"):
    sys.path.insert(0, str(Path(__file__).parent / folder))  # importlib mode puts nothing on the path
