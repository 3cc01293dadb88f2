"""The compiler of firstspike: reads NIR, checks it, quantises it, maps it and writes a deployment directory."""
