"""What a person reads: text tables, progress on the terminal, pictures."""

from .causal import causal_sets
from .learnt import difference_picture, learning_picture
from .pictures import decision_picture
from .progress import Progress
from .tables import table

__all__ = ["Progress", "causal_sets", "decision_picture", "difference_picture", "learning_picture", "table"]
