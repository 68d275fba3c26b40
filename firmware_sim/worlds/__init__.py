"""Whole systems put together from all packages; only here and in the command lines do they meet."""
