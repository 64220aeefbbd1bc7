"""Archives that keep themselves current: the headless face of s2fetch."""
