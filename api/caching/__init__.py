"""Answers kept for as long as they are true: by the state they are of, and by what was asked."""
