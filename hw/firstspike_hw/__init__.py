"""The gateware of firstspike, in Amaranth: the event core, its links and boards, and the way to Verilog and silicon."""
