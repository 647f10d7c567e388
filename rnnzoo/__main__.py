"""``python -m rnnzoo`` is ``rnnzoo``."""

import sys

from rnnzoo.cli import main

sys.exit(main())
