#!/usr/bin/env python
"""Django's own commands, for development."""

import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "spilno.config.settings")
    from django.core.management import execute_from_command_line

    from spilno.config.database import ensure

    ensure()
    execute_from_command_line(sys.argv)
