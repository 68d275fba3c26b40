"""Who may log in to the console, and whose movements they looked at."""
