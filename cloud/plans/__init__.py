"""Plans are made, changed and removed, in the console and by the setup."""
