"""NIR in and out (docs/nir.md)."""
