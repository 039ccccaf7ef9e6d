"""`python -m dvault`."""

from dvault.cli import main

if __name__ == "__main__":
    main()
