"""Run the command line as ``python -m waarmerk``."""

from waarmerk.cli import main

if __name__ == "__main__":
    main()
