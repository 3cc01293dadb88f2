"""Fast bit-true simulation of deployments."""

from .model.fast import FastModel, measure
from .model.learner import Learner

__all__ = ["FastModel", "Learner", "measure"]
