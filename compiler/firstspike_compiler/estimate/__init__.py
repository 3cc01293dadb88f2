"""Estimates what a network costs on a core, before synthesis."""
