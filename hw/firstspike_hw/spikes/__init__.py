"""The way of a spike through the core: intake, map, calendar queue, serialiser, filing, decision, trace, result."""
