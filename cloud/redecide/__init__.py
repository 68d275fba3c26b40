"""The cloud decides again what its devices have decided, and says where it would have said otherwise."""
