"""Writes and reads deployments, from which boards are loaded; needs only numpy and pyyaml (docs/deployment.md)."""

from .directory import Deployment, check_output, read_deployment, write_deployment
from .golden import Golden, decode_golden, encode_golden
from .image import IMAGE_VERSION, MAGIC, decode_image, encode_image

__all__ = [
    "IMAGE_VERSION",
    "MAGIC",
    "Deployment",
    "Golden",
    "check_output",
    "decode_golden",
    "decode_image",
    "encode_golden",
    "encode_image",
    "read_deployment",
    "write_deployment",
]
