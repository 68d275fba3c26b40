"""What the machine offers: files, clock, threads, log and room on the disk."""
