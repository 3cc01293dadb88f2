"""Files written from the gateware: Verilog, documentation pages."""
