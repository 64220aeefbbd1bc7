"""One product from hub to archive: ranges, stalls, hashing, verification, resuming, pacing."""
