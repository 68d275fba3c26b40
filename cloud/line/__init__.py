"""The connection to the broker, and the threads that work beside it."""
