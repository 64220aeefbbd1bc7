"""What s2fetch promises in numbers, measured against a baseline in the same run.

``python -m tests.benchmarks`` runs them all; the numbers worth comparing are the ratios.
"""
