"""Oracles: spike times in floating point from the literature, against which the integers are tested."""
