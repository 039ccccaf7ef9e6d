"""The shapes of answers, for the OpenAPI document and for tests that hold answers to it."""
