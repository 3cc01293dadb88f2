"""Simulates deployments fast and bit-true."""

from .model.fast import FastModel, measure
from .model.learner import Learner

__all__ = ["FastModel", "Learner", "measure"]
