"""What the keeper and the agent speak to the world: pin protocols and serial lines, without their timing loops."""
