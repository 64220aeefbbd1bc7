"""s2fetch keeps an archive of Copernicus Sentinel products complete, verified and current."""

__version__ = "0.1.0"
