"""People, what they hold and which cards they carry, and the rosters that doors know them by."""
