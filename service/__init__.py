"""What every program of ours needs as a process: how it starts, what systemd is told, who
yields where strangers crowd. Standard library only."""
