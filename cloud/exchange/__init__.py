"""People, what they hold and what happened, in from tables and out as files."""
