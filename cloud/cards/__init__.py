"""Cards and other credentials: which there are, who carries them, and how they are enrolled."""
