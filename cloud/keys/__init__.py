"""The community's folder of keys, and its certificate authority."""
