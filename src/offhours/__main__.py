"""`python -m offhours` is `offhours`."""

from __future__ import annotations

from offhours.cli.main import main

if __name__ == "__main__":
    main()
