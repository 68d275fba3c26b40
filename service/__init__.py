"""What every program of ours needs as a process: how it starts, what systemd is told, and who yields where too many
wait. Standard library only."""
