"""One layer of a network in gateware: sequencer, lanes, tables."""
