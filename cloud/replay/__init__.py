"""What would have been: logs, and what happened last month, weighed by the rule against a community."""
