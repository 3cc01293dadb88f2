"""Compiler of firstspike: NIR in, checked, quantised, mapped, written as a deployment directory."""
