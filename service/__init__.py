"""What every program of ours needs as a process: how it starts, and what systemd is told. Standard library only."""
