"""Many days in the life of a daemon, in a process of its own that can be killed, within seconds."""
