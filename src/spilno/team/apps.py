from django.apps import AppConfig


class TeamConfig(AppConfig):
    name = "spilno.team"
    label = "team"
