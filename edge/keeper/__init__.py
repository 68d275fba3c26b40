"""The keeper: the one program that owns the pins."""
