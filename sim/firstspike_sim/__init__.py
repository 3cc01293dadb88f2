"""Fast bit-true simulation of deployments."""

from .fast import FastModel, measure

__all__ = ["FastModel", "measure"]
