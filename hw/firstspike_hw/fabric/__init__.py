"""Parts that know nothing of spikes: registers on the way, memories and their ports."""
