"""Units that a spike passes in the core: intake, map, calendar queue, serialiser, filing, decision, trace, result."""
