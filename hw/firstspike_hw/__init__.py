"""Hardware side of firstspike: the integer contract and the gateware that fulfils it."""
