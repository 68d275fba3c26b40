"""The socket by which a simulated board is told what people do."""
