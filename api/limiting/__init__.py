"""How much anyone may ask: who is asking, what is asked, how often, and what they are told."""
