"""Data sets of labelled values, and the encodings that turn values into spikes. Needs numpy only."""

from .catalogue import NAMES, load
from .encoders import ENCODINGS, encode
from .npz import read_npz, read_values, write_npz
from .samples import Samples

__all__ = ["ENCODINGS", "NAMES", "Samples", "encode", "load", "read_npz", "read_values", "write_npz"]
