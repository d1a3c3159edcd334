"""Who should answer a call: pure functions over facts."""
