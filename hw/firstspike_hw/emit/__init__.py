"""What is written out of the gateware: Verilog, documentation pages."""
