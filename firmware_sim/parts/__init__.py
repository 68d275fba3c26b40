"""The things that hang on a board's pins, one a file: each does what the real one does when a pin moves.

A part takes its board, its pins and its physical figures as keyword arguments, sets timers only while something
moves, and tells its state to whoever draws it through `view()`.
"""
