"""A run: planner, queue, workers, retrieval desk, report."""
