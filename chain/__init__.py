"""What Ethereum nodes say: the only code that speaks JSON-RPC and decodes logs into events."""
