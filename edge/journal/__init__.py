"""The journal: every event of a device, in order, on its disk."""
