"""From a core to a bitstream: synthesis, place and route, block RAM contents."""
