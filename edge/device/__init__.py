"""One device put together: its programs, its ports, and what it says of its own health."""
