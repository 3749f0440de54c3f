"""What is planned, what stands, what is running, and whether it can be believed."""
