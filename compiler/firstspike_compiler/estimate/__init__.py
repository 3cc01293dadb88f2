"""What a network costs on a core, before synthesis."""
