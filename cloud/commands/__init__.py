"""Commands to devices, and how each device is to be: modes and wiring, in one document a device."""
