"""Everything on disk: layout, files, the progress file, free space and proofs.

Plain blocking code, called from worker threads.
"""
