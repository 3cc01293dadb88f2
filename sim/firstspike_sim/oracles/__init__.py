"""Spike times in floating point, from the literature: what the integers are tested against."""
