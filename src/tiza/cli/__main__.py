"""``python -m tiza.cli`` is ``tiza``."""

from tiza.cli import main

if __name__ == "__main__":
    main()
