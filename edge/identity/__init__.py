"""Who a device is: its name, its keys and its certificate."""
