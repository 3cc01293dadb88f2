"""The event core: engine, register file, boot memory, and what its block memories hold."""
