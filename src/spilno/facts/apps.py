from django.apps import AppConfig


class FactsConfig(AppConfig):
    name = "spilno.facts"
    label = "facts"
