"""The site at a glance: the first page, lists of events and of what went wrong, figures for monitoring."""
