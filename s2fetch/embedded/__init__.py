"""A small hub that speaks the Copernicus Data Space protocol and serves a folder of products."""
