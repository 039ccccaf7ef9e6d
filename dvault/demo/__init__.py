"""A market that plays by itself: history, a live part, and everything that follows it."""
