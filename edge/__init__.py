"""What runs on a Raspberry Pi at a door: the keeper that owns the pins, and the agent that decides."""
