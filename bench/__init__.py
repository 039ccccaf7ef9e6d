"""Repeatable measurements: each is one command whose last line is JSON."""
