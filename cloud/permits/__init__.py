"""Permits: each one timed right of somebody who is not of the estate, whatever it comes from."""
