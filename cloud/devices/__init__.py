"""Devices as the cloud hears them: who they are, when they were heard, their journals, and what was refused."""
