"""Top modules for boards: the core, and the circuits that reach it from outside."""
