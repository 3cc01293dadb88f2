"""Fast bit-true simulation of deployments."""

from .fast import FastModel, measure
from .learner import Learner, Lessons

__all__ = ["FastModel", "Learner", "Lessons", "measure"]
