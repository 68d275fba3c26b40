"""What the cloud orders: commands, modes and wirings."""
