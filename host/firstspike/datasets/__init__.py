"""Data sets: values with labels, and their way to spikes. Numpy alone."""

from .catalogue import NAMES, load
from .encoders import ENCODINGS, encode
from .npz import read_npz, read_values, write_npz
from .samples import Samples

__all__ = ["ENCODINGS", "NAMES", "Samples", "encode", "load", "read_npz", "read_values", "write_npz"]
