"""Entry point of the web server."""

import os

from django.core.wsgi import get_wsgi_application

from spilno.config.database import ensure

ensure()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "spilno.config.settings")
application = get_wsgi_application()
