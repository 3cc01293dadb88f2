"""Output for people: text tables, progress on the terminal, pictures."""

from .causal import causal_sets
from .learnt import difference_picture, learning_picture
from .pictures import decision_picture
from .progress import ProgressLine
from .tables import table

__all__ = ["ProgressLine", "causal_sets", "decision_picture", "difference_picture", "learning_picture", "table"]
