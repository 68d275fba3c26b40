"""The configuration of a device: its points, its wiring, and the kinds of station it names."""
