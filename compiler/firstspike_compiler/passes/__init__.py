"""The passes of the compiler, one per file; `pipeline.py` runs them in order."""
