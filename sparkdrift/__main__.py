"""`python -m sparkdrift`: the command line."""

import sys

from sparkdrift.cli import main

sys.exit(main())
