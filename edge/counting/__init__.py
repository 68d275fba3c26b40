"""How many are inside the zones of this device, and who: the cloud's news, with this device's own passages over it."""
