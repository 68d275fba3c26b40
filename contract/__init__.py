"""What both sides must agree on: the words, the bytes and the rule. Pure: no input or output, no clock, no chance."""
