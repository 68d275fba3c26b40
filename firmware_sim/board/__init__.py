"""A simulated board: pins, and the factory that lends them to gpiozero."""
