"""Tops for boards: the core and what reaches it from outside."""
