"""What holders used of their quantities, and which device may give what is left."""
