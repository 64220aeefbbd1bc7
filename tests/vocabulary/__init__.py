"""The catalogue's words."""
