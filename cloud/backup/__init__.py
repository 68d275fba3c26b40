"""A community as one file, closed with a passphrase, and the community that is made of it again."""
