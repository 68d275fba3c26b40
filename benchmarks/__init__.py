"""One program for each figure in the README: `python3 dev.py bench NAME`, or `python -m benchmarks.NAME`."""
