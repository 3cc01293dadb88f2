"""The published system that the demo's figures stand beside."""

from typing import Any, Final

__all__ = ["MOSTAFA_2017"]

# Lookups: fraction of the first and of the second layer's weights that are read before the decision.
MOSTAFA_2017: Final[dict[str, Any]] = {
    "name": "Mostafa et al. 2017",
    "source": "H. Mostafa, B. U. Pedroni, S. Sheik, G. Cauwenberghs: Fast classification using sparsely active spiking "
    "networks. ISCAS 2017",
    "accuracy": 0.97,
    "spikes_total": 139,
    "steps": 167,
    "lookups": [0.13, 0.05],
}
