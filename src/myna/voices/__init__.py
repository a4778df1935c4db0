"""What can speak, and the names by which vendors know it."""
