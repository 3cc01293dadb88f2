"""The event core: engine, register file, boot memory, and the contents of its block memories."""
