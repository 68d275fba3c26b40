"""The demo: a community of devices, a broker and a cloud on one machine."""
