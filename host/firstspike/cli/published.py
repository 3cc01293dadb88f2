"""Figures of a published system. The demo shows them beside its own.

Tested by tests/host/cli/test_commands.py.
"""

from typing import Any, Final

__all__ = ["MOSTAFA_2017"]

# `lookups`: fraction of the weights that is read before the decision, for the first and the second layer.
MOSTAFA_2017: Final[dict[str, Any]] = {
    "name": "Mostafa et al. 2017",
    "source": "H. Mostafa, B. U. Pedroni, S. Sheik, G. Cauwenberghs: Fast classification using sparsely active spiking "
    "networks. ISCAS 2017",
    "accuracy": 0.97,
    "spikes_total": 139,
    "steps": 167,
    "lookups": [0.13, 0.05],
}
