"""Trains int8 TTFS networks with exact spike-time gradients."""

from .recipe import Recipe, list_recipes, load_recipe
from .trainer import load_mask, train

__all__ = ["Recipe", "list_recipes", "load_mask", "load_recipe", "train"]
