"""What runs once per community: takes in events, turns people and plans into grants, shows operators both."""
