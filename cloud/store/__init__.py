"""The cloud's database: its tables, their history, and the few ways in."""
