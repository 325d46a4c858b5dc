"""``python -m panic_tda``."""

from panic_tda.cli import main

if __name__ == "__main__":
    main()
