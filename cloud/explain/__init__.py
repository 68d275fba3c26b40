"""Why the rule answers somebody as it does, and who or what opened a point."""
