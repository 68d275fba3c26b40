"""What people bring besides a card: codes, and how few of them can be guessed; passes, and how often each opens."""
