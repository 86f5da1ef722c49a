from django.apps import AppConfig


class BriefsConfig(AppConfig):
    name = "spilno.briefs"
    label = "briefs"
