"""The passes of the compiler, one per file; `pipeline.py` has the order."""
