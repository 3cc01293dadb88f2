"""Errors, names that users type, arrays from files that nobody vouches for."""
