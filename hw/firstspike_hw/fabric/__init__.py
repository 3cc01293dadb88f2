"""Parts that know nothing about spikes: registers in the path of signals, memories and their ports."""
