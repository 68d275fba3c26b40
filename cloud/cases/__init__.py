"""Cases: what somebody has to look after, from the alarm to its end."""
