"""What a device keeps of its points over restarts."""
