"""What the shipped assets promise."""
