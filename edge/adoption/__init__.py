"""How a device becomes one of a cloud's."""
