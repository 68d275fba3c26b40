"""A small town whose programs are killed at any moment, and the audit of what they kept."""
