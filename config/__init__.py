"""What an operator decides: settings, networks, logging. Only `dvault` may import this package."""
