"""The shell around every page and call: who asks, how they are answered, and what is told to them over a stream."""
