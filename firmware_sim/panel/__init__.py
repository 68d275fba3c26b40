"""The panel: a page that shows the simulated hardware as it moves, and lets a person at it."""
