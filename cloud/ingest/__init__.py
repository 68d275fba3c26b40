"""What devices send, checked and committed before it is acknowledged."""
