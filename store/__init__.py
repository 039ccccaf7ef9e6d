"""What we keep: the only code that touches MongoDB and object storage."""
