"""What happened: one row a call, and the reports made of them."""
