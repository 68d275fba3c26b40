"""Devices let in, rewired and put out: adoption, certificates, roll-outs, and the broker's lists."""
