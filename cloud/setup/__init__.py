"""The setup of a community as one file: exported, compared with what is, and put in place."""
