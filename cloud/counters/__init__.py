"""How many are inside each zone, and who: counted from what devices record, and told to all devices of the zone."""
