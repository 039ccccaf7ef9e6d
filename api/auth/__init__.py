"""Who is calling, and how they stay signed in: tokens, sessions, principals."""
