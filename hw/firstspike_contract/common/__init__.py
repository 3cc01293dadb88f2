"""Errors, names that users type, progress reports, bit layouts, and arrays from untrusted files."""
