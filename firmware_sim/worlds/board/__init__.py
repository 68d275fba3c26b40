"""The world of one board process: its wiring and whoever stands at it."""
