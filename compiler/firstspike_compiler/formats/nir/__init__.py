"""Reads and writes NIR files (docs/nir.md)."""
