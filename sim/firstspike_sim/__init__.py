"""Fast bit-true simulation of deployments."""

from .model.fast import FastModel, measure
from .model.learner import Learner, Lessons

__all__ = ["FastModel", "Learner", "Lessons", "measure"]
