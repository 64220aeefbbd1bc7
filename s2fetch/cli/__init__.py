"""The command line: a face of the Python API, with a live view, a log and exit codes."""
