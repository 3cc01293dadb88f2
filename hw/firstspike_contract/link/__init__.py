"""The serial link: frames, sessions, messages and records."""
